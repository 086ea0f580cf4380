/**
 * `pilotlight mirror import FILE`: takes a bundle into this machine's mirror.
 * Needs no index and asks nobody: every byte is checked against the bundle's
 * own hashes before anything of it is shown.
 */
import { describeBytes, describeCount } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import type { MirrorParts } from "../mirror/mirror-parts.ts";
import { bundleProgressLine } from "./bundle-progress.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { cacheFlags, misuse, namedFile, withCache } from "./mirror-cache.ts";

const NAME = "mirror import";

export const mirrorImport: Command = {
  name: NAME,
  usage: "FILE [flags]",
  about:
    "Takes a bundle (pilotlight mirror bundle) into this machine's mirror. All of it is checked first; what is\nthere already stays, so importing twice, or again after an interruption, does no harm. Ends with 1 when the\nbundle is damaged, or says other things of a file than the mirror knows.",
  flags: [...cacheFlags("Cache", "Files"), JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight mirror import locked.tar", "on a machine without a network"],
    ["pilotlight mirror import locked.tar --cache-dir /var/cache/pilotlight", "into another cache"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const file = namedFile(call, NAME, "file");
  if (!file.ok) return misuse(call, NAME, [file.failure]);
  const whenInUse = "Stop that mirror for as long as this takes; it serves what was imported when it starts again";
  return withCache(call, NAME, { isOffline: true, whenInUse }, (parts) => take(call, parts, file.value));
}

async function take(call: Call, parts: MirrorParts, file: string): Promise<number> {
  const { bundleTarget } = await import("../mirror/bundle/bind-bundle.ts");
  const { importBundle } = await import("../mirror/bundle/import-bundle.ts");
  const progress = bundleProgressLine(call.io);
  const imported = await importBundle({ file, target: bundleTarget(parts), onProgress: progress.update });
  progress.end();
  if (!imported.ok) {
    printFailures(NAME, [imported.failure], call.io);
    return imported.failure.code === "BUNDLE_UNREADABLE" ? EXIT_MISUSE : EXIT_FAILED;
  }
  if (call.io.json === true) {
    call.io.stdout.write(`${JSON.stringify({ file, ...imported.value })}\n`);
    return EXIT_OK;
  }
  const { projectCount, fileCount, addedCount, addedBytes } = imported.value;
  const added = addedCount === 0 ? "all of it was there already" : `${describeBytes(addedBytes)} of it new`;
  call.io.stdout.write(
    `Imported ${describeCount(projectCount, "project")} with ${describeCount(fileCount, "file")}, ${added}\n` +
      `pilotlight mirror verify LOCKFILE proves that an install needs no index, pilotlight mirror --offline serves it\n`,
  );
  return EXIT_OK;
}
