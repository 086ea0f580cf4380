/**
 * Custom sections on the way through Binaryen: taken out before, the names put
 * back after. Binaryen then calls functions by their index, which no hostile
 * name can upset, and keeps their order, so that the name section still holds.
 * Only for modules that V8 has compiled: checks nothing.
 */

export interface Stripped {
  readonly bytes: Uint8Array;
  /** The name section whole, with its header; null when there is none. */
  readonly names: Uint8Array | null;
}

const HEADER_BYTES = 8;
const CUSTOM_SECTION = 0;
const NAME = "name";

export function stripCustomSections(bytes: Uint8Array): Stripped {
  const kept: Uint8Array[] = [bytes.subarray(0, HEADER_BYTES)];
  let names: Uint8Array | null = null;
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const [size, start] = unsignedAt(bytes, at + 1);
    const section = bytes.subarray(at, start + size);
    if (bytes[at] !== CUSTOM_SECTION) kept.push(section);
    else if (nameAt(bytes, start) === NAME) names ??= section;
    at = start + size;
  }
  return { bytes: Buffer.concat(kept), names };
}

export function withNames(bytes: Uint8Array, names: Uint8Array | null): Uint8Array {
  return names === null ? bytes : Buffer.concat([bytes, names]);
}

function nameAt(bytes: Uint8Array, at: number): string {
  const [length, start] = unsignedAt(bytes, at);
  return Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
}

/** LEB128 of 32 bits, and where it ends. */
function unsignedAt(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return [value >>> 0, at];
  }
}
