/**
 * What the commands that work on a mirror's cache share: opening it as the
 * server does, reading the lock file, telling how it goes, and ending with a
 * status. The cache has one owner, so a mirror that runs on it stands in the
 * way, and each command says what can be done then.
 */
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { basename, resolve } from "node:path";
import { readRegularFile } from "../base/regular-file.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { printable } from "../base/terminal.ts";
import { DAY_MS } from "../base/units.ts";
import type { Flag } from "../config/flags.ts";
import { MIRROR_FLAGS } from "../config/mirror/parse.ts";
import type { LockFile } from "../mirror/lockfile/lock-file.ts";
import type { MirrorParts } from "../mirror/mirror-parts.ts";
import { type Call, EXIT_MISUSE, printFailures } from "./command.ts";
import { configureMirror } from "./mirror-configure.ts";

/** The mirror's flags of these groups. */
export function cacheFlags(...groups: readonly string[]): readonly Flag[] {
  return MIRROR_FLAGS.filter(({ group }) => groups.includes(group));
}

export interface CacheUse {
  readonly isOffline: boolean;
  /** What to do while a mirror runs on the cache. */
  readonly whenInUse: string;
  /** Only looks: where no cache is, none is made. */
  readonly looksOnly?: boolean;
  /** Called before an interrupt ends the process: what the cache has under way, its next owner clears up. */
  readonly onInterrupt?: () => void;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Does `work` on the cache; its value is the command's status. */
export async function withCache(
  call: Call,
  command: string,
  use: CacheUse,
  work: (parts: MirrorParts) => Promise<number>,
): Promise<number> {
  const configured = await configureMirror(call, { listens: false, isOffline: use.isOffline });
  if (!configured.ok) return misuse(call, command, configured.failure);
  const { cacheDir } = configured.value.config;
  if (use.looksOnly === true && !existsSync(cacheDir)) {
    const message = `Cannot use the cache folder ${cacheDir}: there is none`;
    return misuse(call, command, [{ code: "NO_CACHE", message, hint: "Name the one of the mirror with --cache-dir" }]);
  }
  const { openParts } = await import("../mirror/mirror-parts.ts");
  const log = (level: string, message: string) => {
    // What fails is told by the command itself; this is what the machine has to say.
    if (level === "error") note(call, command, message);
  };
  const opened = await openParts(configured.value.config, { log, nowMs: () => Date.now() });
  if (!opened.ok) {
    const { failure } = opened;
    return misuse(call, command, [failure.code === "CACHE_IN_USE" ? { ...failure, hint: use.whenInUse } : failure]);
  }
  const interrupt = (signal: NodeJS.Signals): void => {
    use.onInterrupt?.();
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.once(signal, interrupt);
  // A part may wait without keeping the process alive, because the listener does that. Here nobody listens.
  const alive = setInterval(() => {}, DAY_MS);
  try {
    return await work(opened.value);
  } finally {
    await opened.value.close();
    clearInterval(alive);
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

export async function readLockFile(path: string): Promise<Result<LockFile, Failure>> {
  const { LOCK_FILE_MAX_BYTES } = await import("../mirror/lockfile/lock-file.ts");
  const { parseLockFile } = await import("../mirror/lockfile/parse-lock-file.ts");
  const read = readRegularFile(path, LOCK_FILE_MAX_BYTES);
  const parsed = read.ok ? await parseLockFile(new TextDecoder().decode(read.value), basename(path)) : read;
  if (parsed.ok) return parsed;
  const hint = "Give a requirements.txt with pinned versions, a uv.lock or a pylock.toml";
  return fail({ code: "LOCK_FILE_UNUSABLE", message: `Cannot use ${path}: ${parsed.failure}`, hint });
}

/** The command's one argument, absolute. */
export function namedFile({ flags, io }: Call, command: string, what: string): Result<string, Failure> {
  const [name] = flags.positionals;
  if (name !== undefined && name !== "") return ok(resolve(io.cwd, name));
  return fail({
    code: "MIRROR_USAGE",
    message: `No ${what} is named`,
    hint: `Write pilotlight ${command} ${what.toUpperCase().replaceAll(" ", "")}`,
  });
}

export function misuse({ io }: Call, command: string, failures: readonly Failure[]): number {
  printFailures(command, failures, io);
  return EXIT_MISUSE;
}

/** A line beside the result. */
export function note({ io }: Call, command: string, message: string): void {
  io.stderr.write(`pilotlight ${command}: ${printable(message)}\n`);
}

/** One a line, as they are found out; a program reads them in the result. */
export function list({ io }: Call, stream: "stdout" | "stderr", lines: readonly string[]): void {
  io[stream].write(lines.map((line) => `  ${printable(line)}\n`).join(""));
}
