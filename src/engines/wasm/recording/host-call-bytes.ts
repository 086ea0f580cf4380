/**
 * Which bytes of the window a host call takes and leaves: what has to be kept of
 * it so that it can be answered again. The other page of the same book is
 * guest/wasi/channel.ts and file-operations.ts.
 */
import { createHash } from "node:crypto";
import { FILESTAT_BYTES } from "../../../../guest/wasi/abi.ts";
import { SYSTEM_OPERATION } from "../../../../guest/wasi/channel.ts";
import { APPEND, FILE_OPERATION, SCRATCH_OFFSET, SECOND_PATH_OFFSET } from "../../../../guest/wasi/file-operations.ts";
import type { Redaction } from "./redaction.ts";

const DIGEST_CHARS = 16;
const WORD_BYTES = 8;
const TIMES_BYTES = 16;

export type Numbers = readonly [a: number, b: number, c: number, d: number, e: number];

/** Of a host call's arguments, secrets left out of it: two that differ were called with something else. */
export function callDigest(operation: number, numbers: Numbers, window: Uint8Array, redaction: Redaction): string {
  const hash = createHash("sha256").update(numbers.join(","));
  for (const part of argumentParts(operation, numbers, window)) hash.update(redaction.bytes(part));
  return hash.digest("hex").slice(0, DIGEST_CHARS);
}

/** Of the arguments of a request that a guest waits for. */
export function requestDigest(args: readonly unknown[], redaction: Redaction): string {
  const hash = createHash("sha256");
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? redaction.bytes(arg) : Buffer.from(redaction.text(String(arg)));
    hash.update(`${typeof arg},${bytes.length},`).update(bytes);
  }
  return hash.digest("hex").slice(0, DIGEST_CHARS);
}

function argumentParts(operation: number, [, b, c, d]: Numbers, window: Uint8Array): Uint8Array[] {
  const first = (length: number): Uint8Array => window.slice(0, Math.min(length >>> 0, window.length));
  const second = (length: number): Uint8Array =>
    window.slice(SECOND_PATH_OFFSET, Math.min(SECOND_PATH_OFFSET + (length >>> 0), window.length));
  const times = (): Uint8Array => window.slice(SCRATCH_OFFSET, SCRATCH_OFFSET + TIMES_BYTES);
  switch (operation) {
    case SYSTEM_OPERATION.log:
    case FILE_OPERATION.open:
    case FILE_OPERATION.write:
    case FILE_OPERATION.statPath:
    case FILE_OPERATION.createFolder:
    case FILE_OPERATION.removeFolder:
    case FILE_OPERATION.unlink:
    case FILE_OPERATION.readLink:
      return [first(b)];
    case FILE_OPERATION.setTimes:
      return [times()];
    case FILE_OPERATION.setTimesPath:
      return [first(b), times()];
    case FILE_OPERATION.symlink:
      return [first(b), second(c)];
    case FILE_OPERATION.link:
    case FILE_OPERATION.rename:
      return [first(b), second(d)];
    default:
      return [];
  }
}

/** Where its result lies in the window; nowhere when it failed. */
export function resultPlace(operation: number, { 2: c }: Numbers, result: number): readonly [start: number, end: number] | null {
  if (result < 0) return null;
  switch (operation) {
    case SYSTEM_OPERATION.random:
    case FILE_OPERATION.read:
    case FILE_OPERATION.list:
    case FILE_OPERATION.readLink:
      return [0, result];
    case SYSTEM_OPERATION.clock:
      return [0, WORD_BYTES];
    case FILE_OPERATION.open:
      return [0, 1];
    case FILE_OPERATION.stat:
    case FILE_OPERATION.statPath:
      return [0, FILESTAT_BYTES];
    case FILE_OPERATION.write:
      return c === APPEND ? [SCRATCH_OFFSET, SCRATCH_OFFSET + WORD_BYTES] : null;
    default:
      return null;
  }
}

const NAMES: ReadonlyMap<number, string> = new Map(
  [...Object.entries(SYSTEM_OPERATION), ...Object.entries(FILE_OPERATION)].map(([name, number]) => [number, name]),
);

/** For people. */
export function operationName(operation: number | string): string {
  return typeof operation === "string" ? operation : (NAMES.get(operation) ?? `operation ${operation}`);
}
