/**
 * Argument checks for host operations. What arrives was written by hostile
 * code and cloned by V8: any primitive, array, plain object, Map, Date, Error or
 * buffer is possible. Each check names the argument it refuses.
 */
import { GuestFault } from "./op.ts";

const TEXT_MAX_LENGTH = 64 * 1024 * 1024;

export function requireString(value: unknown, name: string, lengthMax: number = TEXT_MAX_LENGTH): string {
  if (typeof value !== "string") throw new GuestFault("TypeError", `${name} must be a string`);
  if (value.length > lengthMax) throw new GuestFault("RangeError", `${name} is longer than ${lengthMax} characters`);
  return value;
}

export function requireInteger(value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new GuestFault("RangeError", `${name} must be a whole number from ${min} to ${max}`);
  }
  return value;
}

export function requireBoolean(value: unknown, name: string): boolean {
  if (typeof value !== "boolean") throw new GuestFault("TypeError", `${name} must be true or false`);
  return value;
}

/** Bytes that nobody else can change: views of shared memory could be rewritten between our check and our use. */
export function requireBytes(value: unknown, name: string): Uint8Array<ArrayBuffer> {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  throw new GuestFault("TypeError", `${name} must be bytes in unshared memory`);
}

export function requireOneOf<Choice extends string>(value: unknown, name: string, choices: readonly Choice[]): Choice {
  if (!choices.includes(value as Choice)) throw new GuestFault("TypeError", `${name} must be one of ${choices.join(", ")}`);
  return value as Choice;
}

/** A plain object; its fields are still unchecked. */
export function requireRecord(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
    throw new GuestFault("TypeError", `${name} must be an object`);
  }
  return value as Record<string, unknown>;
}
