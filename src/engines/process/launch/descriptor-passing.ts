/**
 * Descriptor passing: bytes on a unix socket together with an open file
 * (SCM_RIGHTS), by node:ffi, as Node can't. The other side needs no name of the
 * file, which in a PID namespace it could not open. For a socket of Node's whose
 * own queue is empty: what is sent here goes past it.
 */
import { type Libc, openLibc } from "../../../base/libc.ts";

const SIGNATURES = { sendmsg: { return: "int64", arguments: ["int32", "buffer", "int32"] } } as const;
/** An error instead of a signal; and instead of waiting: what is sent is short, and the other side reads. */
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** struct cmsghdr, and the space of one descriptor behind it. */
const CONTROL_HEADER_BYTES = 16;
const CONTROL_BYTES = 24;
const DESCRIPTOR_BYTES = 4;
const MESSAGE_HEADER_BYTES = 56;

let libc: Libc<typeof SIGNATURES> | null = null;

/** False when not everything was taken, or there is no FFI. `descriptor`: null sends bytes alone. */
export function sendWithDescriptor(socketFd: number, bytes: Buffer, descriptor: number | null): boolean {
  try {
    libc ??= openLibc(SIGNATURES);
  } catch {
    return false;
  }
  const { ffi, calls } = libc;
  // Slow: memory of their own, whose address is theirs.
  const data = copied(bytes);
  const vector = Buffer.allocUnsafeSlow(16);
  vector.writeBigUInt64LE(ffi.getRawPointer(data), 0);
  vector.writeBigUInt64LE(BigInt(data.length), 8);
  const control = Buffer.allocUnsafeSlow(CONTROL_BYTES).fill(0);
  control.writeBigUInt64LE(BigInt(CONTROL_HEADER_BYTES + DESCRIPTOR_BYTES), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(descriptor ?? -1, CONTROL_HEADER_BYTES);
  const message = Buffer.allocUnsafeSlow(MESSAGE_HEADER_BYTES).fill(0);
  message.writeBigUInt64LE(ffi.getRawPointer(vector), 16);
  message.writeBigUInt64LE(1n, 24);
  if (descriptor !== null) {
    message.writeBigUInt64LE(ffi.getRawPointer(control), 32);
    message.writeBigUInt64LE(BigInt(CONTROL_BYTES), 40);
  }
  return Number(calls.sendmsg(socketFd, message, MSG_NOSIGNAL | MSG_DONTWAIT)) === data.length;
}

function copied(bytes: Buffer): Buffer {
  const data = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(data);
  return data;
}
