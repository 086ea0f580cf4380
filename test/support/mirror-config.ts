/** The mirror's configuration as a command reads it: flags, an environment of the test's own, a file in a folder of its own. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import type { Failure } from "../../src/base/result.ts";
import { parseFlags } from "../../src/config/flags.ts";
import type { DiscoverIndex } from "../../src/config/mirror/discovered.ts";
import { type FoundMirrorConfig, MIRROR_FLAGS, mirrorConfigFromFlags } from "../../src/config/mirror/parse.ts";
import type { MirrorConfig } from "../../src/config/mirror-config.ts";

export const INDEX = "https://index.example/simple/";
export const ONE = ["--index-url", INDEX];

export const nobodyKnows: DiscoverIndex = async () => null;
export const neverAsked: DiscoverIndex = () => assert.fail("nothing was to be looked for");
export const faultOfVersions = async (versions: string) => (/^[<>=~!]/.test(versions) ? null : "is no version specifier");

interface Surroundings {
  readonly env?: Record<string, string>;
  readonly yaml?: string;
  readonly discover?: DiscoverIndex;
}

/** Removed when the file's tests have ended. */
export function mirrorFolder() {
  const cwd = mkdtempSync(join(tmpdir(), "pilotlight-mirror-config-"));
  after(() => rmSync(cwd, { recursive: true, force: true }));
  mkdirSync(join(cwd, "wheels"));
  for (const file of ["cert.pem", "key.pem", "ca.pem", "other-ca.pem", "users"]) writeFileSync(join(cwd, file), "");

  async function read(args: readonly string[], { env = {}, yaml, discover = neverAsked }: Surroundings = {}) {
    if (yaml !== undefined) writeFileSync(join(cwd, "mirror.yaml"), yaml);
    const flags = parseFlags(MIRROR_FLAGS, yaml === undefined ? args : [...args, "--config", "mirror.yaml"], 0);
    return mirrorConfigFromFlags(flags, { env: { HOME: cwd, ...env }, cwd, seesColour: false, discover, faultOfVersions });
  }
  async function found(args: readonly string[], around: Surroundings = {}): Promise<FoundMirrorConfig> {
    const result = await read(args, around);
    return result.ok ? result.value : assert.fail(JSON.stringify(result.failure));
  }
  async function accepted(args: readonly string[], around: Surroundings = {}): Promise<MirrorConfig> {
    return (await found(args, around)).config;
  }
  async function refused(args: readonly string[], around: Surroundings = {}): Promise<readonly Failure[]> {
    const result = await read(args, around);
    return result.ok ? assert.fail("should have been refused") : result.failure;
  }
  return { cwd, found, accepted, refused };
}

export function told(failures: readonly Failure[]): string[] {
  return failures.map(({ message, hint = "", at }) => `${at?.line === undefined ? "" : `${at.line}: `}${message}. ${hint}`);
}
