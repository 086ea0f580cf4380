/**
 * Argument checks of the capabilities: names, keys, sizes and numbers that come
 * from hostile code of any engine. Throws Refused, which capability-host.ts
 * turns into the failure it carries; nothing else may be thrown here.
 */

import { describeBytes } from "../base/units.ts";
import type { Allow } from "../config/config.ts";
import { type KeyRange, keyOfCursor, keyRange } from "../store/key-range.ts";
import type { CapabilityFailure, CapabilityName, ListOptions, Name } from "./capabilities.ts";
import type { Hold } from "./capability-host.ts";

export const KEY_MAX_BYTES = 512;
export const LIST_LIMIT_MAX = 1_000;

export class Refused extends Error {
  readonly failure: CapabilityFailure;

  constructor(failure: CapabilityFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

export function invalid(message: string): Refused {
  return new Refused({ code: "INVALID_ARGUMENT", message });
}

export function tooLarge(message: string): Refused {
  return new Refused({ code: "TOO_LARGE", message });
}

/** The name that is meant, of those that `allow` has. */
export function allowedName(allow: Allow, capability: CapabilityName, name: Name, functionId: string): string {
  const names = allow[capability] ?? [];
  const meant = name ?? names[0];
  if (meant !== undefined && names.includes(meant)) return meant;
  const wanted = typeof meant === "string" && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(meant) ? meant : "NAME";
  const state = names.length === 0 ? "nothing" : `only ${names.join(", ")}`;
  throw new Refused({
    code: "DENIED",
    message: `allow.${capability} of ${functionId} names ${state}: add "allow: { ${capability}: [${wanted}] }" to it in pilotlight.yaml`,
  });
}

/** The bytes of a key. */
export function checkedKey(key: unknown): Buffer {
  if (typeof key !== "string" || key === "") throw invalid("a key must be a text of at least one character");
  if (!key.isWellFormed()) throw invalid("a key must be well-formed Unicode");
  const bytes = Buffer.from(key, "utf8");
  if (bytes.length > KEY_MAX_BYTES) throw tooLarge(`a key may have ${KEY_MAX_BYTES} bytes; this one has ${bytes.length}`);
  return bytes;
}

/** A copy that nobody else can change: a guest might while a thread reads. */
export function checkedBytes(value: unknown, what: string, maxBytes: number, hold: Hold): Uint8Array<ArrayBuffer> {
  if (!(value instanceof Uint8Array)) throw invalid(`${what} must be bytes`);
  if (value.length > maxBytes) {
    throw tooLarge(`${what} may have ${describeBytes(maxBytes)}; this one has ${describeBytes(value.length)}`);
  }
  hold(value.length);
  return new Uint8Array(value);
}

export function checkedNumber(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(`${what} must be a whole number from ${min} to ${max}`);
  }
  return value;
}

export function checkedText(value: unknown, what: string, lengthMax: number): string {
  if (typeof value !== "string" || value === "" || !value.isWellFormed()) throw invalid(`${what} must be a text of at least one character`);
  if (value.length > lengthMax) throw tooLarge(`${what} may have ${lengthMax} characters; this one has ${value.length}`);
  return value;
}

/** Asks for one more than the caller wants: whether there is more shows in that. */
export function checkedRange({ prefix = "", limit = LIST_LIMIT_MAX, cursor }: ListOptions): KeyRange {
  if (prefix !== "") checkedKey(prefix);
  const after = cursor === undefined ? null : keyOfCursor(checkedText(cursor, "a cursor", KEY_MAX_BYTES * 2), KEY_MAX_BYTES);
  if (cursor !== undefined && after === null) throw invalid("the cursor is none that a list has given");
  return keyRange(prefix, after, checkedNumber(limit, "limit", 1, LIST_LIMIT_MAX) + 1);
}
