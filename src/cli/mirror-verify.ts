/**
 * `pilotlight mirror verify LOCKFILE`: would an install of the lock file have
 * to ask an index? Looks at what a mirror with --offline would serve, hashes
 * every byte of it, and asks nobody. Status 1 says that something is missing,
 * 2 that it could not be looked at: scripts can tell.
 */
import { describeBytes, describeCount } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import type { LockFile } from "../mirror/lockfile/lock-file.ts";
import type { MirrorParts } from "../mirror/mirror-parts.ts";
import { bundleProgressLine } from "./bundle-progress.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_OK } from "./command.ts";
import { cacheFlags, list, misuse, namedFile, note, readLockFile, withCache } from "./mirror-cache.ts";

const NAME = "mirror verify";

export const mirrorVerify: Command = {
  name: NAME,
  usage: "LOCKFILE [flags]",
  about:
    "Proves that an install of LOCKFILE (requirements.txt with pinned versions, uv.lock or pylock.toml) needs\nnothing but this machine's mirror: every project is known, every file and its metadata is there, allowed by\nthe policy, and right to the last byte. Asks nobody. Ends with 1 when anything is missing, naming all of it.",
  flags: [...cacheFlags("Indexes", "Cache", "Policy", "Files"), JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight mirror verify uv.lock", "status 0 when an install needs no index"],
    ["pilotlight mirror verify uv.lock --json", "what is missing, for a program"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const named = namedFile(call, NAME, "lock file");
  if (!named.ok) return misuse(call, NAME, [named.failure]);
  const lock = await readLockFile(named.value);
  if (!lock.ok) return misuse(call, NAME, [lock.failure]);
  const whenInUse = "Stop that mirror for as long as this takes";
  return withCache(call, NAME, { isOffline: true, whenInUse, looksOnly: true }, (parts) => verify(call, parts, lock.value));
}

async function verify(call: Call, parts: MirrorParts, lock: LockFile): Promise<number> {
  const { bundleSource } = await import("../mirror/bundle/bind-bundle.ts");
  const { verifyLock } = await import("../mirror/bundle/verify-lock.ts");
  const progress = bundleProgressLine(call.io);
  const report = await verifyLock({ lock, source: bundleSource(parts), onProgress: progress.update });
  progress.end();
  const { isComplete, missing, warnings, projectCount, fileCount, checkedBytes } = report;
  const status = isComplete ? EXIT_OK : EXIT_FAILED;
  if (call.io.json === true) {
    call.io.stdout.write(`${JSON.stringify(report)}\n`);
    return status;
  }
  for (const warning of warnings) note(call, NAME, warning);
  const found = `${describeCount(projectCount, "project")}, ${describeCount(fileCount, "file")}, ${describeBytes(checkedBytes)} checked`;
  if (isComplete) call.io.stdout.write(`Complete: ${found}. An install needs no index\n`);
  else {
    call.io.stdout.write(`Missing: ${missing.length === 1 ? "one thing" : `${missing.length} things`} (${found})\n`);
    list(call, "stdout", missing);
  }
  return status;
}
