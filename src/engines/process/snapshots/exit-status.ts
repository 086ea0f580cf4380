/**
 * Exit status: how a process ended that is not our child, by a pidfd. What CRIU has
 * restored is CRIU's child, and CRIU keeps to itself how it ended; the kernel tells
 * it from 6.15 on to whoever held a pidfd (PIDFD_GET_INFO, include/uapi/linux/pidfd.h).
 * On older kernels, and where there is no FFI, nobody knows: null.
 */
import { closeSync } from "node:fs";
import { type Libc, openLibc } from "../../../base/libc.ts";

/** As wait(2) gives it. */
export interface ExitStatus {
  readonly code: number;
  /** 0 for none. */
  readonly signalNumber: number;
}

export interface ExitWatch {
  /** Once it has ended; null when that is not known. Closes the watch. */
  read(): ExitStatus | null;
}

const INFO_BYTES = 64;
/** _IOWR(0xFF, 11, struct of 64 bytes), the shape of the first version. */
const PIDFD_GET_INFO = 0xc040ff0bn;
const PIDFD_INFO_EXIT = 8n;
const EXIT_CODE_AT = 60;
const SIGNATURES = {
  pidfd_open: { return: "int32", arguments: ["int32", "uint32"] },
  ioctl: { return: "int32", arguments: ["int32", "uint64", "buffer"] },
} as const;

const NOBODY_KNOWS: ExitWatch = { read: () => null };

let libc: Libc<typeof SIGNATURES> | null | undefined;

/** Before it ends: its pid may be somebody else's afterwards. */
export function watchExit(pid: number): ExitWatch {
  if (libc === undefined) libc = opened();
  const fd = libc?.calls.pidfd_open(pid, 0) ?? -1;
  if (libc === null || fd < 0) return NOBODY_KNOWS;
  const { ioctl } = libc.calls;
  return {
    read() {
      const info = Buffer.alloc(INFO_BYTES);
      info.writeBigUInt64LE(PIDFD_INFO_EXIT);
      const isTold = ioctl(fd, PIDFD_GET_INFO, info) === 0 && (info.readBigUInt64LE() & PIDFD_INFO_EXIT) !== 0n;
      closeSync(fd);
      if (!isTold) return null;
      const status = info.readInt32LE(EXIT_CODE_AT);
      return { code: (status >> 8) & 0xff, signalNumber: status & 0x7f };
    },
  };
}

function opened(): Libc<typeof SIGNATURES> | null {
  try {
    return openLibc(SIGNATURES);
  } catch {
    return null;
  }
}
