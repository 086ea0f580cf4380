/**
 * `pilotlight mirror bundle LOCKFILE -o FILE`: everything that an install of
 * the lock file needs, fetched through this machine's mirror, verified, in one
 * file for a machine without a network. There is a whole bundle or none.
 */
import { rmSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { describeBytes, describeCount } from "../base/units.ts";
import { type Flag, HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import type { LockFile } from "../mirror/lockfile/lock-file.ts";
import type { MirrorParts } from "../mirror/mirror-parts.ts";
import { bundleProgressLine } from "./bundle-progress.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_OK, printFailures } from "./command.ts";
import { cacheFlags, list, misuse, namedFile, note, readLockFile, withCache } from "./mirror-cache.ts";

const NAME = "mirror bundle";
const OUT_FLAG: Flag = { name: "output", short: "o", value: "FILE", group: "Bundle", help: "the bundle; takes the place of what is there" };

export const mirrorBundle: Command = {
  name: NAME,
  usage: "LOCKFILE -o FILE [flags]",
  about:
    "Fetches everything that an install of LOCKFILE needs (requirements.txt with pinned versions, uv.lock or\npylock.toml), verifies it and writes it into one file. Files that the cache has are not fetched again. Of a\nversion that names no files all are taken, for every platform. Ends with 1 and without a file when anything\nis missing, naming all of it.",
  flags: [OUT_FLAG, ...cacheFlags("Indexes", "Cache", "Asking the indexes", "Policy", "Files"), JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight mirror bundle uv.lock -o locked.tar", "from this machine's index"],
    ["pilotlight mirror bundle requirements.txt -o locked.tar --offline", "from what the cache has, asking nobody"],
    ["pilotlight mirror bundle uv.lock -o locked.tar -i http://127.0.0.1:5005/simple/ --cache-dir bundles", "from a mirror that runs"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const named = namedFile(call, NAME, "lock file");
  const out = outFile(call);
  const failures = [named, out].flatMap((one) => (one.ok ? [] : [one.failure]));
  if (!named.ok || !out.ok) return misuse(call, NAME, failures);
  if (named.value === out.value) {
    const message = `The bundle would take the place of its lock file ${named.value}`;
    return misuse(call, NAME, [{ code: "BUNDLE_UNWRITABLE", message, hint: "Give -o another file" }]);
  }
  const lock = await readLockFile(named.value);
  if (!lock.ok) return misuse(call, NAME, [lock.failure]);
  const { partPathOf } = await import("../mirror/bundle/bundle-writer.ts");
  const use = {
    isOffline: false,
    whenInUse:
      "Stop that mirror for as long as this takes, or have this fetch through it: --cache-dir ANOTHER -i http://127.0.0.1:5005/simple/",
    onInterrupt: () => rmSync(partPathOf(out.value), { force: true }),
  };
  return withCache(call, NAME, use, (parts) => bundle(call, parts, lock.value, out.value));
}

/** Looked at before anything is fetched. */
function outFile({ flag, io }: Call): Result<string, Failure> {
  const given = flag("output");
  if (given === undefined) return fail({ code: "MIRROR_USAGE", message: "It is not said where the bundle goes", hint: "Add -o FILE" });
  const file = resolve(io.cwd, given);
  const unwritable = (why: string) => fail({ code: "BUNDLE_UNWRITABLE", message: `Cannot write the bundle ${file}: ${why}` });
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) return unwritable("it is a folder");
  if (!statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory()) return unwritable("its folder does not exist");
  return ok(file);
}

async function bundle(call: Call, parts: MirrorParts, lock: LockFile, file: string): Promise<number> {
  const { bundleSource } = await import("../mirror/bundle/bind-bundle.ts");
  const { exportBundle } = await import("../mirror/bundle/export-bundle.ts");
  const progress = bundleProgressLine(call.io);
  const exported = await exportBundle({
    lock,
    source: bundleSource(parts),
    outFile: file,
    createdMs: Date.now(),
    onProgress: progress.update,
  });
  progress.end();
  if (!exported.ok) {
    printFailures(NAME, [exported.failure], call.io);
    if (call.io.json !== true && exported.failure.problems.length > 1) list(call, "stderr", exported.failure.problems);
    return EXIT_FAILED;
  }
  const { projectCount, fileCount, sizeBytes, warnings } = exported.value;
  if (call.io.json === true) {
    call.io.stdout.write(`${JSON.stringify({ file, ...exported.value })}\n`);
    return EXIT_OK;
  }
  for (const warning of warnings) note(call, NAME, warning);
  call.io.stdout.write(
    `${file}: ${describeCount(projectCount, "project")}, ${describeCount(fileCount, "file")}, ${describeBytes(sizeBytes)}\n` +
      `On the other machine: pilotlight mirror import ${basename(file)}, then pilotlight mirror --offline\n`,
  );
  return EXIT_OK;
}
