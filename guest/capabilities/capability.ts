/**
 * What env.KV, env.SQL, env.BLOB, env.QUEUE and env.LOCK have in common. Each is
 * two things: the API of the first name that `allow` has, and a function from a
 * name to its API. The host checks every name and value: nothing is decided here.
 * Part of the heap snapshot, so that a function that uses none pays nothing.
 */
import { type Cloneable, hostAsync } from "../bridge.ts";
import { utf8Encode, viewOf } from "../encoding.ts";

/** What a capability refused; `code` is one of those in docs/host.md. */
class CapabilityError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "CapabilityError";
    this.code = code;
  }
}

interface Answer {
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
}

export async function ask(operation: string, ...args: Cloneable[]): Promise<unknown> {
  const answer = (await hostAsync(operation, ...args)) as Answer;
  if (answer.code !== undefined) throw new CapabilityError(answer.code, `${operation}: ${answer.message}`);
  return answer.value;
}

/** `make` is given the name; null is the first that `allow` has. */
export function named<Api extends object>(make: (name: string | null) => Api): Api & ((name: string) => Api) {
  return Object.freeze(Object.assign((name: string) => Object.freeze(make(String(name))), make(null)));
}

/** Bytes that cross: of a view alone, since V8 would clone all of the memory behind it. */
export function bytesOf(value: unknown, what: string): Uint8Array {
  if (typeof value === "string") return utf8Encode(value);
  if (!(value instanceof ArrayBuffer) && !ArrayBuffer.isView(value))
    throw new TypeError(`${what} must be a string, an ArrayBuffer or a view of one`);
  const view = viewOf(value);
  return view.byteLength === view.buffer.byteLength ? view : view.slice();
}
