/**
 * Store faults: what a database or a disk refused, as a value. The message is
 * the operator's: it names the file and what to do; a guest is told the code
 * alone. Anything SQLite says that is not here is our own mistake.
 */
import type { ThreadFailure } from "../base/thread-client.ts";
import { primaryCode, SQLITE } from "./sqlite-codes.ts";

export type StoreFaultCode = "BUSY" | "STOPPING" | "STORAGE_FULL" | "STORAGE_FAILED";

export interface StoreFault {
  readonly code: StoreFaultCode;
  readonly message: string;
  /** What was kept there is lost, and no later attempt reads it; all else may pass, or be mended. */
  readonly isDamage?: true;
}

/** Nothing was done, because whoever owns the store is ending. */
export const SERVER_STOPPING: StoreFault = { code: "STOPPING", message: "The server is stopping" };
export const MIRROR_STOPPING: StoreFault = { code: "STOPPING", message: "The mirror is stopping" };

/** What to call a thread and its work when it fails. */
export interface ThreadNames {
  readonly thread: string;
  /** "requests to it wait: its disk is too slow". */
  readonly tooMany: string;
  readonly stopping: StoreFault;
}

/** What becomes of a request to a thread of ours that was not answered. */
export function threadFault(failure: ThreadFailure, { thread, tooMany, stopping }: ThreadNames): StoreFault {
  switch (failure.code) {
    case "THREAD_LOST":
      return { code: "STORAGE_FAILED", message: `${thread} was lost: ${failure.reason}` };
    case "THREAD_BUSY":
      return { code: "BUSY", message: `${failure.pendingMax} ${tooMany}. Try again later` };
    case "THREAD_RESTS":
      return {
        code: "BUSY",
        message: `${thread} died ${failure.deaths} times in a row, and is not started again yet. The log says why it died`,
      };
    case "THREAD_CLOSED":
      return stopping;
  }
}

export class StoreError extends Error {
  readonly fault: StoreFault;

  constructor(fault: StoreFault) {
    super(fault.message);
    this.fault = fault;
  }
}

const RESTORE = "Stop the server, put a copy back or move the file away, and start again";
const ADVICE: Readonly<Record<number, readonly [StoreFaultCode, string, string]>> = {
  [SQLITE.busy]: ["BUSY", "another process holds it", "Try again; see who has the file open if it lasts"],
  [SQLITE.locked]: ["BUSY", "another statement holds it", "Try again"],
  [SQLITE.noMemory]: ["STORAGE_FAILED", "no memory is left", "Raise worker_memory"],
  [SQLITE.readOnly]: ["STORAGE_FAILED", "it is read-only", "Make the file and its folder writable"],
  [SQLITE.ioError]: ["STORAGE_FAILED", "the disk reports an error", "Check the disk and the system's log"],
  [SQLITE.corrupt]: ["STORAGE_FAILED", "the file is damaged", RESTORE],
  [SQLITE.full]: [
    "STORAGE_FULL",
    "the disk is full, or the file has reached its limit",
    "Free some space, or delete what is no longer needed",
  ],
  [SQLITE.cantOpen]: ["STORAGE_FAILED", "it can't be opened or created", "Make the data folder writable"],
  [SQLITE.notADatabase]: ["STORAGE_FAILED", "the file is damaged: it is no database", RESTORE],
};

const FILE_ADVICE: Readonly<Record<string, readonly [StoreFaultCode, string, string]>> = {
  ENOSPC: ["STORAGE_FULL", "the disk is full", "Free some space"],
  EDQUOT: ["STORAGE_FULL", "the disk quota is used up", "Free some space"],
  EFBIG: ["STORAGE_FULL", "the system limits the size of files", "Raise the limit (ulimit -f)"],
  EROFS: ["STORAGE_FAILED", "its file system is read-only", "Make the data folder writable"],
  EACCES: ["STORAGE_FAILED", "no permission", "Make the data folder writable"],
  EPERM: ["STORAGE_FAILED", "no permission", "Make the data folder writable"],
  ENOTDIR: ["STORAGE_FAILED", "a file stands where a folder is needed", "Move that file away"],
  EEXIST: ["STORAGE_FAILED", "a file stands where a folder is needed", "Move that file away"],
  ENOENT: ["STORAGE_FAILED", "it is gone", "Put the data folder back"],
  EIO: ["STORAGE_FAILED", "the disk reports an error", "Check the disk and the system's log"],
  EMFILE: ["BUSY", "too many files are open", "Try again, or raise the limit (ulimit -n)"],
  ENFILE: ["BUSY", "the whole system has too many files open", "Try again, or raise its limit (fs.file-max)"],
  ENOMEM: ["BUSY", "the system has no memory left", "Try again, or give the machine more memory"],
};

/** Null for what is no fault of storage. */
export function storeFault(action: string, error: unknown): StoreFault | null {
  if (error instanceof StoreError) return error.fault;
  const { code, message: told } = error as { code?: string; message: string };
  const primary = primaryCode(error);
  const advice = primary === null ? FILE_ADVICE[code ?? ""] : ADVICE[primary];
  if (advice === undefined) return null;
  const [kind, reason, hint] = advice;
  const message = `${action}: ${reason} (${primary === null ? code : told}). ${hint}`;
  return code === "EIO" ? { code: kind, message, isDamage: true } : { code: kind, message };
}
