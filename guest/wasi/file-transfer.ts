/**
 * What files and folders send over the channel: content between the guest's
 * buffers and the window, a window at a time, times and folder entries. A
 * transfer ends early where the host gave less than was asked for, as WASI
 * allows. Knows nothing of descriptors and rights.
 */
import { DIRENT_BYTES, ERRNO, FSTFLAGS, IOVEC_BYTES } from "./abi.ts";
import { APPEND, FILE_OPERATION, SCRATCH_OFFSET } from "./file-operations.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { GuestProcess } from "./guest-process.ts";

/** More buffers in one call than any libc sends; a hostile count must not keep us for long. */
export const IOVECS_MAX = 1024;
const TRANSFER_MAX_BYTES = 2 ** 31 - 1;

/** What an operation returned as a WASI error code. */
export function errnoOf(result: number): number {
  return result < 0 ? -result : ERRNO.success;
}

/** Leaves both times for the host; false where the flags contradict each other. */
export function leaveTimes(window: Uint8Array, atim: bigint, mtim: bigint, flags: number): boolean {
  const both = (one: number, other: number): boolean => (flags & one) !== 0 && (flags & other) !== 0;
  const known = FSTFLAGS.atim | FSTFLAGS.atimNow | FSTFLAGS.mtim | FSTFLAGS.mtimNow;
  if ((flags & ~known) !== 0 || both(FSTFLAGS.atim, FSTFLAGS.atimNow) || both(FSTFLAGS.mtim, FSTFLAGS.mtimNow)) return false;
  const view = new DataView(window.buffer, window.byteOffset);
  view.setBigUint64(SCRATCH_OFFSET, atim, true);
  view.setBigUint64(SCRATCH_OFFSET + 8, mtim, true);
  return true;
}

/** Exact as a number, and not negative as a signed 64-bit offset; else null. */
export function unsigned(value: bigint): number | null {
  return value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value);
}

/** Every buffer is looked at before anything is read or written. */
export function buffersAt(memory: GuestMemory, iovecs: number, count: number): Uint8Array[] | number {
  if (count >>> 0 > IOVECS_MAX) return ERRNO.inval;
  const buffers: Uint8Array[] = [];
  let room = TRANSFER_MAX_BYTES;
  for (let index = 0; index < count; index++) {
    const at = (iovecs >>> 0) + index * IOVEC_BYTES;
    const bytes = memory.slice(memory.view.getUint32(at, true), memory.view.getUint32(at + 4, true));
    buffers.push(bytes.subarray(0, room));
    room -= Math.min(room, bytes.length);
  }
  return buffers;
}

/** How many bytes came, or minus an error code. */
export function readAll({ channel: { window, call } }: GuestProcess, handle: number, at: number, buffers: readonly Uint8Array[]): number {
  let total = 0;
  // A window at a time: as many small buffers as it fills, or a part of a large one.
  for (let index = 0, from = 0; index < buffers.length; ) {
    let wanted = 0;
    for (let next = index; next < buffers.length && wanted < window.length; next++) wanted += buffers[next]!.length;
    wanted = Math.min(wanted - from, window.length);
    if (wanted <= 0) return total;
    const count = call(FILE_OPERATION.read, handle, wanted, at + total, 0, 0);
    if (count < 0) return total > 0 ? total : count;
    for (let taken = 0; taken < count; ) {
      const buffer = buffers[index]!;
      const length = Math.min(buffer.length - from, count - taken);
      buffer.set(window.subarray(taken, taken + length), from);
      taken += length;
      from += length;
      if (from === buffer.length) {
        index++;
        from = 0;
      }
    }
    total += count;
    if (count < wanted) return total;
  }
  return total;
}

export function writeAll({ channel: { window, call } }: GuestProcess, handle: number, at: number, buffers: readonly Uint8Array[]): number {
  let total = 0;
  for (let index = 0, from = 0; index < buffers.length; ) {
    let filled = 0;
    while (index < buffers.length && filled < window.length) {
      const buffer = buffers[index]!;
      const part = buffer.subarray(from, from + window.length - filled);
      window.set(part, filled);
      filled += part.length;
      from += part.length;
      if (from === buffer.length) {
        index++;
        from = 0;
      }
    }
    if (filled === 0) return total;
    const count = call(FILE_OPERATION.write, handle, filled, at === APPEND ? APPEND : at + total, 0, 0);
    if (count < 0) return total > 0 ? total : count;
    total += count;
    if (count < filled) return total;
  }
  return total;
}

/** Fills `into` as far as there are entries: a buffer that is not full is how a guest knows the end. */
export function list({ channel: { window, call } }: GuestProcess, handle: number, cookie: number, into: Uint8Array): number {
  let used = 0;
  let next = cookie;
  while (used < into.length) {
    const room = Math.min(into.length - used, window.length);
    const count = call(FILE_OPERATION.list, handle, next, room, 0, 0);
    if (count < 0) return used > 0 ? used : count;
    const isLast = count < room || used + room === into.length;
    const whole = isLast ? { bytes: count, cookie: next } : wholeEntries(window, count, next);
    into.set(window.subarray(0, whole.bytes), used);
    used += whole.bytes;
    if (isLast) return used;
    next = whole.cookie;
  }
  return used;
}

/** The entries that the window did not cut, and the cookie behind them. */
function wholeEntries(window: Uint8Array, count: number, cookie: number): { bytes: number; cookie: number } {
  const view = new DataView(window.buffer, window.byteOffset, count);
  let bytes = 0;
  let next = cookie;
  while (bytes + DIRENT_BYTES <= count) {
    const end = bytes + DIRENT_BYTES + view.getUint32(bytes + 16, true);
    if (end > count) break;
    next = Number(view.getBigUint64(bytes, true));
    bytes = end;
  }
  return { bytes, cookie: next };
}
