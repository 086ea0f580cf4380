/**
 * Data files: where a running server keeps its sockets and flight records
 * under the data folder. Names begin with the supervisor's pid, so that two
 * servers may share a data folder and the leavings of a killed one are known.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../base/sha256.ts";

/** sun_path holds 108 bytes with its terminator; longer paths are cut silently by some systems. */
const SOCKET_PATH_MAX_BYTES = 103;
const NAME_HASH_LENGTH = 16;

export interface SocketPaths {
  of(functionId: string): string;
  /** A killed worker leaves its socket behind, and nobody could bind it again. */
  clear(functionId: string): void;
  close(): void;
}

export function createSocketPaths(dataDir: string): SocketPaths {
  const folder = join(dataDir, "sockets");
  const longest = Buffer.byteLength(join(folder, `${process.pid}-${"".padEnd(NAME_HASH_LENGTH)}.sock`));
  let shortFolder: string | null = null;

  function usableFolder(): string {
    if (longest <= SOCKET_PATH_MAX_BYTES) {
      try {
        // 0700: who may connect may call any function on it.
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      } catch {
        // The data folder is gone or full: the worker that can't listen there will say so, and is started again.
      }
      return folder;
    }
    // mkdtemp: a folder with a known name in /tmp could be somebody else's.
    shortFolder ??= mkdtempSync(join(tmpdir(), "pilotlight-"));
    return shortFolder;
  }

  return {
    of: (functionId) => join(usableFolder(), socketName(functionId)),
    clear(functionId) {
      const path = join(usableFolder(), socketName(functionId));
      // Not rmSync: its `force` forgives an absent file, not an absent folder with a file in its place.
      if (existsSync(path)) rmSync(path, { force: true });
    },
    close() {
      if (shortFolder !== null) rmSync(shortFolder, { recursive: true, force: true });
      sweep(dataDir, (pid) => pid === process.pid);
    },
  };
}

/** Removes what servers left that were killed and could not tidy up. */
export function sweepLeavings(dataDir: string): void {
  sweep(dataDir, (pid) => pid !== process.pid && !isAlive(pid));
}

function socketName(functionId: string): string {
  return `${process.pid}-${sha256(functionId).slice(0, NAME_HASH_LENGTH)}.sock`;
}

function sweep(dataDir: string, isLeft: (pid: number) => boolean): void {
  for (const folder of [join(dataDir, "sockets"), join(dataDir, "flight")]) {
    for (const name of listed(folder)) {
      const pid = Number(/^(\d+)-/.exec(name)?.[1] ?? Number.NaN);
      if (isLeft(pid)) rmSync(join(folder, name), { force: true });
    }
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  if (Number.isNaN(pid)) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
