/**
 * Run folder: where the sockets of this process's instances lie. Mode 0700 and
 * a name that nobody can guess: whoever connects first is taken for the
 * function. Below the data folder, or, where that path is too long for a socket,
 * in the temporary one. Folders of processes that died are swept away.
 */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import { makeFolder } from "../../../store/data-folder.ts";
import { startTimeOf } from "./process-tree.ts";

/** sun_path holds 108 bytes with its terminator; some systems cut longer ones silently. */
const SOCKET_PATH_MAX_BYTES = 103;
const OWNER_ONLY = 0o700;
/** Names are short, so that data folders may be long: a pid, its start and eight random characters; a count. */
const RADIX = 36;
const COUNT_MAX_CHARS = 7;
const NAME = /^([0-9a-z]+)-([0-9a-z]*)-[\w-]{8}$/;
const PREFIX = "pilotlight-";

export interface RunFolder {
  readonly path: string;
  /** Of a socket that nobody had before. */
  newSocketPath(): string;
  close(): void;
}

/** The fault is a phrase: what can't be made, and what to do. */
export function makeRunFolder(dataDir: string): Result<RunFolder, string> {
  const name = `${process.pid.toString(RADIX)}-${shortened(startTimeOf(process.pid))}-${randomBytes(6).toString("base64url")}`;
  const below = join(dataDir, "run");
  const path = join(below, name);
  try {
    if (fits(path)) {
      makeFolder(below);
      sweep(below, "");
      return ok(made(path));
    }
    const short = join(tmpdir(), `${PREFIX}${name}`);
    if (!fits(short)) return fail(`${path} is too long for a unix socket, and so is ${short}; set TMPDIR or --data-dir to a shorter path`);
    sweep(tmpdir(), PREFIX);
    return ok(made(short));
  } catch (error) {
    return fail(`no folder for its socket: ${(error as Error).message}`);
  }
}

/** A folder of its own for each function, kept: its HOME. Throws the file system's error. */
export function makeHome(dataDir: string, functionId: string): string {
  // An id is a path of the functions' folder: "api/users/[id]".
  const home = join(dataDir, "home", encodeURIComponent(functionId).replaceAll(".", "%2E"));
  makeFolder(join(dataDir, "home"));
  makeFolder(home);
  chmodSync(home, OWNER_ONLY);
  return home;
}

function fits(folder: string): boolean {
  return Buffer.byteLength(folder) + 1 + COUNT_MAX_CHARS <= SOCKET_PATH_MAX_BYTES;
}

function made(path: string): RunFolder {
  mkdirSync(path, { mode: OWNER_ONLY });
  let count = 0;
  return {
    path,
    newSocketPath: () => join(path, (count++).toString(RADIX)),
    close: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A pid alone may have been given to somebody else: the time of its start tells. */
function sweep(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue;
    const [, pid, startTime] = NAME.exec(name.slice(prefix.length)) ?? [];
    if (pid === undefined || shortened(startTimeOf(Number.parseInt(pid, RADIX))) === startTime) continue;
    rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function shortened(startTime: string): string {
  return startTime === "" ? "" : Number(startTime).toString(RADIX);
}
