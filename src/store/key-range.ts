/**
 * Key ranges: which keys a listing by prefix passes, in the order of their
 * UTF-8 bytes. Keys are stored as bytes: SQLite's text ends at a NUL in some
 * places, and UTF-16 has another order. Pure.
 */

/** No UTF-8 has this byte: above every key. */
const ABOVE_ALL = Buffer.of(0xff);

export interface KeyRange {
  /** Inclusive. */
  readonly from: Uint8Array;
  /** Exclusive. */
  readonly below: Uint8Array;
  /** Exclusive; empty at the beginning. */
  readonly after: Uint8Array;
  readonly limit: number;
}

export function keyRange(prefix: string, after: Uint8Array | null, limit: number): KeyRange {
  const from = Buffer.from(prefix, "utf8");
  return { from, below: successor(from), after: after ?? new Uint8Array(0), limit };
}

/** The least bytes above everything that begins with `prefix`; bytes of UTF-8 are below 0xff, so the last can be raised. */
function successor(prefix: Uint8Array): Uint8Array {
  if (prefix.length === 0) return ABOVE_ALL;
  const above = Buffer.from(prefix);
  above[above.length - 1]! += 1;
  return above;
}

export function cursorOf(key: Uint8Array): string {
  return Buffer.from(key).toString("base64url");
}

/** Null when no listing gave this. */
export function keyOfCursor(cursor: string, keyMaxBytes: number): Uint8Array | null {
  const key = Buffer.from(cursor, "base64url");
  return key.length > 0 && key.length <= keyMaxBytes && key.toString("base64url") === cursor ? key : null;
}
