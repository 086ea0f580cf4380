/**
 * Manifest of a built folder: which functions lie in it and which files are
 * theirs. Written by build.ts, read at the start of a server, which then
 * neither looks for sources nor bundles. Holds what pilotlight.yaml said, and
 * never a value of the machine's environment: secrets are looked up by name
 * when the server starts.
 */
import { readFileSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { EngineName, FunctionOverrides } from "../config/config.ts";
import { BUILD_MANIFEST_NAME } from "../config/source.ts";
import type { FoundFunction } from "./folder.ts";
import type { BundleRef } from "./function-spec.ts";

export const MANIFEST_FORMAT = 1;

/** As it lies on disk: every path is relative to the folder. */
export interface ManifestFile {
  /** This and guestHash come first: config/source.ts knows a build by them. */
  readonly format: number;
  /** sha256 of the guest's prelude that the bundles and the snapshot go with. */
  readonly guestHash: string;
  /** Compiled code and the snapshot are worthless, and unsafe, to another V8. */
  readonly v8: string;
  readonly preludeFile: string;
  readonly snapshotFile: string;
  readonly functions: readonly ManifestFunction[];
}

export interface ManifestFunction {
  readonly id: string;
  readonly route: string;
  readonly engine: EngineName;
  readonly overrides: FunctionOverrides;
  readonly bundle: BundleRef;
}

/** Paths absolute again. */
export interface Manifest {
  readonly guestHash: string;
  readonly preludeFile: string;
  /** Null when it was made by another V8 or for another machine: make a new one in the data folder. */
  readonly snapshotFile: string | null;
  readonly functions: readonly FoundFunction[];
  readonly overrides: ReadonlyMap<string, FunctionOverrides>;
  readonly bundles: ReadonlyMap<string, BundleRef>;
}

/** V8's version with all that its compiled forms depend on. */
export function v8Identity(): string {
  return `${process.versions.v8} ${process.platform}-${process.arch}`;
}

export async function readManifest(dir: string): Promise<Result<Manifest>> {
  const file = join(dir, BUILD_MANIFEST_NAME);
  try {
    const manifest = JSON.parse(readFileSync(file, "utf8")) as ManifestFile;
    if (manifest.format !== MANIFEST_FORMAT) return fail(unusable(file, `it has format ${manifest.format}, not ${MANIFEST_FORMAT}`));
    return ok(absolute(dir, manifest));
  } catch (error) {
    return fail(unusable(file, (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (error as Error).message));
  }
}

function absolute(dir: string, manifest: ManifestFile): Manifest {
  const at = (path: string): string => {
    const full = resolve(dir, path);
    // A manifest comes from elsewhere: it may name files of its own folder only.
    if (!full.startsWith(resolve(dir) + sep)) throw new Error(`it names ${path}, which lies outside the folder`);
    return full;
  };
  const bundleOf = ({ bundle }: ManifestFunction): BundleRef => ({
    ...bundle,
    codeFile: at(bundle.codeFile),
    mapFile: at(bundle.mapFile),
    codeCacheFile: at(bundle.codeCacheFile),
  });
  return {
    guestHash: manifest.guestHash,
    preludeFile: at(manifest.preludeFile),
    snapshotFile: manifest.v8 === v8Identity() ? at(manifest.snapshotFile) : null,
    functions: manifest.functions.map((one) => ({
      id: one.id,
      route: one.route,
      engine: one.engine,
      file: at(one.bundle.codeFile),
    })),
    overrides: new Map(manifest.functions.map((one) => [one.id, one.overrides])),
    bundles: new Map(manifest.functions.map((one) => [one.id, bundleOf(one)])),
  };
}

function unusable(file: string, why: string): Failure {
  return { code: "BUILD_UNUSABLE", message: `Cannot serve the build ${file}: ${why}`, hint: "Run pilotlight build again", at: { file } };
}
