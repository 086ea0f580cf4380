/**
 * The configuration of a command that works with the mirror, from its flags
 * (MIRROR_FLAGS, or those of them that it takes): one place that says how this
 * machine's index is found and how versions are read.
 */
import type { Failure, Result } from "../base/result.ts";
import { type FoundMirrorConfig, mirrorConfigFromFlags } from "../config/mirror/parse.ts";
import { wantsColour } from "../telemetry/log-style.ts";
import type { Call } from "./command.ts";

export interface ConfigureUse {
  /** It listens nowhere: whoever does so on the mirror's port is another, and may be its index. */
  readonly listens: boolean;
  /** It runs as with --offline, and where no index is named none is looked for. */
  readonly isOffline: boolean;
}

export function configureMirror(
  { flags, io }: Call,
  { listens, isOffline }: ConfigureUse,
): Promise<Result<FoundMirrorConfig, readonly Failure[]>> {
  const values = new Map(flags.values);
  if (!listens) values.set("port", ["0"]);
  if (isOffline) values.set("offline", ["true"]);
  return mirrorConfigFromFlags(
    { ...flags, values },
    {
      env: io.env,
      cwd: io.cwd,
      seesColour: wantsColour(io.stdout, io.env),
      discover: async (env) => (isOffline ? null : (await import("../mirror/discover-index.ts")).discoverIndex(env)),
      faultOfVersions: async (versions) => {
        const { parseSpecifier } = await import("../mirror/versions/specifier.ts");
        const parsed = parseSpecifier(versions);
        return parsed.ok ? null : parsed.failure;
      },
    },
  );
}
