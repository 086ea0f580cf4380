/**
 * Build: every function bundled and compiled into one folder that `serve`
 * starts from without parsing anything. It appears whole or not at all: its
 * files are made beside their place and moved there, the manifest that names them
 * last. V8's part (compiled code, heap snapshot) is done by the caller's
 * `compileArtefacts`, so that this file needs no isolates.
 */
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { atOnce } from "../base/at-once.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Config, EngineName, FunctionOverrides } from "../config/config.ts";
import { BUILD_MANIFEST_NAME } from "../config/source.ts";
import { getBundle } from "../engines/javascript/bundle-cache.ts";
import { guestScript, snapshotFileName } from "../engines/javascript/guest-script.ts";
import { makeFolder } from "../store/data-folder.ts";
import { buildWasm } from "./build-wasm.ts";
import { bundleSourceOf } from "./bundle-source.ts";
import { ANY_ENVIRONMENT, makeDeployment, noFunctions } from "./deployment.ts";
import { contentRef } from "./executable.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";
import { MANIFEST_FORMAT, type ManifestFile, v8Identity } from "./manifest.ts";

export interface BuildReport {
  /** Absolute. */
  readonly outDir: string;
  readonly functions: readonly BuiltFunction[];
  readonly notices: readonly string[];
}

export interface BuiltFunction {
  readonly id: string;
  readonly route: string;
  readonly codeBytes: number;
  /** Compiled code; 0 when V8 gave none. */
  readonly codeCacheBytes: number;
}

export interface CompileInput {
  readonly codeFile: string;
  readonly codeCacheFile: string;
  /** Name of the script inside its isolate, as at run time. */
  readonly filename: string;
}

/** Writes each code cache and the snapshot of the prelude; rejects when it can't. */
export type CompileArtefacts = (bundleFiles: readonly CompileInput[], snapshotFile: string) => Promise<void>;

const FUNCTIONS_DIR = "functions";
/** Named by what is in them, like the files of functions: a build beside an earlier one changes none that is in use. */
const preludeFile = (hash: string): string => `prelude-${hash.slice(0, 16)}.js`;
const snapshotFile = (hash: string): string => `guest-${snapshotFileName(hash)}`;
/** esbuild is parallel itself; more at once only takes memory. */
const BUNDLES_AT_ONCE = 8;

export async function buildDeployment(
  config: Config,
  outDir: string,
  compileArtefacts: CompileArtefacts,
): Promise<Result<BuildReport, readonly Failure[]>> {
  const target = resolve(outDir);
  const refused = await refuseTarget(config, target);
  if (refused !== null) return fail([refused]);

  const made = await makeDeployment(config, 1, ANY_ENVIRONMENT);
  const specs = made.deployment.functions;
  const failures = [...made.failures, ...specs.flatMap((spec) => spec.failure ?? [])];
  if (specs.length === 0 && failures.length === 0) failures.push(noFunctions(config));
  if (failures.length > 0) return fail(failures);

  const bundled = await bundleAll(config, specs);
  if (!bundled.ok) return bundled;

  const staging = `${target}.building-${randomBytes(4).toString("hex")}`;
  try {
    const functions = await stage(config, staging, bundled.value, compileArtefacts);
    await install(staging, target);
    return ok({ outDir: target, functions, notices: [...made.notices, ...notices(specs)] });
  } catch (error) {
    const message = `Cannot write the build to ${target}: ${(error as Error).message}`;
    return fail([{ code: "BUILD_UNWRITABLE", message, hint: "Check the space and the rights of its parent folder" }]);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** What a build can't know to copy. */
function notices(specs: readonly FunctionSpec[]): string[] {
  const alone = specs.filter(({ engine }) => engine === "process").map(({ id }) => id);
  if (alone.length === 0) return [];
  return [`Of ${alone.join(", ")} only the executable itself is in the build: what it reads or imports from beside it is not`];
}

interface BundledFunction {
  readonly spec: FunctionSpec;
  readonly bundle: BundleRef;
}

async function bundleAll(config: Config, specs: readonly FunctionSpec[]): Promise<Result<BundledFunction[], Failure[]>> {
  const bundled: BundledFunction[] = [];
  const failures: Failure[] = [];
  await atOnce(BUNDLES_AT_ONCE, specs, async (spec) => {
    const result = await buildOne(config, spec);
    if (result.ok) bundled.push({ spec, bundle: result.value });
    else failures.push(result.failure);
  });
  return failures.length > 0 ? fail(failures) : ok(bundled.sort((a, b) => (a.spec.id < b.spec.id ? -1 : 1)));
}

/** A module goes out with its faster start, where it has one: whoever serves the build prepares nothing. */
async function buildOne(config: Config, spec: FunctionSpec): Promise<Result<BundleRef>> {
  if (spec.engine === "process") return executable(spec);
  if (spec.engine === "javascript") return getBundle(bundleSourceOf(config.source, spec), config.dataDir, "build");
  const built = await buildWasm(config, spec, { signal: new AbortController().signal, isWaitedFor: true });
  return built.ok ? ok((await built.value.better)?.bundle ?? built.value.bundle) : built;
}

async function executable({ id, file }: FunctionSpec): Promise<Result<BundleRef>> {
  try {
    return ok(await contentRef(file));
  } catch (error) {
    return fail({ code: "BUILD_FAILED", message: `Cannot build ${id}: ${(error as Error).message}`, at: { file } });
  }
}

/** Everything into `staging`, the manifest last. */
async function stage(
  config: Config,
  staging: string,
  bundled: readonly BundledFunction[],
  compileArtefacts: CompileArtefacts,
): Promise<BuiltFunction[]> {
  makeFolder(join(staging, FUNCTIONS_DIR));
  const prelude = await guestScript("prelude", config.dataDir);
  await writeFile(join(staging, preludeFile(prelude.hash)), prelude.code, { flush: true });
  const placed = bundled.map(({ spec, bundle }) => ({
    spec,
    bundle,
    staged: STAGED[spec.engine](bundle),
  }));
  for (const { bundle, staged } of placed) {
    // With its mode: an executable stays one.
    await copyFile(bundle.codeFile, join(staging, staged.codeFile));
    if (bundle.mapFile !== bundle.codeFile) await copyFile(bundle.mapFile, join(staging, staged.mapFile));
  }
  // Functions with the same text share its files, and V8's cache with them.
  const inputs = new Map(
    placed
      .filter(({ spec }) => spec.engine === "javascript")
      .map(({ spec, staged }) => [staged.codeFile, compileInput(staging, spec, staged)]),
  );
  await compileArtefacts([...inputs.values()], join(staging, snapshotFile(prelude.hash)));

  const manifest: ManifestFile = {
    format: MANIFEST_FORMAT,
    guestHash: prelude.hash,
    v8: v8Identity(),
    preludeFile: preludeFile(prelude.hash),
    snapshotFile: snapshotFile(prelude.hash),
    functions: placed.map(({ spec, staged }) => ({
      id: spec.id,
      route: spec.route,
      engine: spec.engine,
      overrides: overridesOf(config, spec),
      bundle: staged,
    })),
  };
  await writeFile(join(staging, BUILD_MANIFEST_NAME), `${JSON.stringify(manifest, null, 2)}\n`, { flush: true });
  return Promise.all(
    placed.map(async ({ spec, staged }) => ({
      id: spec.id,
      route: spec.route,
      codeBytes: await sizeOf(join(staging, staged.codeFile)),
      codeCacheBytes: await sizeOf(join(staging, staged.codeCacheFile)),
    })),
  );
}

/** The built function has its final id, and its source is in the bundle. */
function overridesOf(config: Config, spec: FunctionSpec): FunctionOverrides {
  const own = Object.entries(config.functions).find(([key, overrides]) => (overrides.id ?? key) === spec.id)?.[1];
  const { id: _id, source: _source, ...rest } = own ?? {};
  return rest;
}

function stagedBundle(bundle: BundleRef): BundleRef {
  const at = (file: string): string => `${FUNCTIONS_DIR}/${basename(file)}`;
  return { ...bundle, codeFile: at(bundle.codeFile), mapFile: at(bundle.mapFile), codeCacheFile: at(bundle.codeCacheFile) };
}

/** Its own name stays at the end: some programs look at it. */
function stagedExecutable(bundle: BundleRef): BundleRef {
  const file = `${FUNCTIONS_DIR}/${bundle.hash.slice(0, 16)}-${basename(bundle.codeFile)}`;
  return { ...bundle, codeFile: file, mapFile: file, codeCacheFile: file };
}

/** In the cache every module has the same name, in a folder of its own. */
function stagedModule(bundle: BundleRef): BundleRef {
  const at = (ending: string): string => `${FUNCTIONS_DIR}/${bundle.hash}${ending}`;
  return { ...bundle, codeFile: at(".wasm"), mapFile: at(".json"), codeCacheFile: at(".wasm") };
}

const STAGED: Readonly<Record<EngineName, (bundle: BundleRef) => BundleRef>> = {
  javascript: stagedBundle,
  wasm: stagedModule,
  process: stagedExecutable,
};

function compileInput(staging: string, spec: FunctionSpec, staged: BundleRef): CompileInput {
  const filename = `pilotlight:${spec.id}`;
  return { codeFile: join(staging, staged.codeFile), codeCacheFile: join(staging, staged.codeCacheFile), filename };
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? 0;
}

/**
 * Whoever opens the target finds the old build or the new one: the manifest goes
 * last, and what it names is never changed in place. Whatever else lies in the
 * target (a pilotlight.yaml, the data folder of a server that was started there)
 * is not ours and stays.
 */
async function install(staging: string, target: string): Promise<void> {
  const before = await filesOfBuild(target);
  await mkdir(join(target, FUNCTIONS_DIR), { recursive: true });
  const made = await filesIn(staging);
  for (const file of made) if (file !== BUILD_MANIFEST_NAME) await rename(join(staging, file), join(target, file));
  await rename(join(staging, BUILD_MANIFEST_NAME), join(target, BUILD_MANIFEST_NAME));
  // What the last build has is still served by who has read its manifest; what only earlier ones had, by nobody.
  const kept = new Set([...made, ...before]);
  for (const file of await filesIn(target)) if (isOurs(file) && !kept.has(file)) await rm(join(target, file), { force: true });
}

/** Relative, of the folder and of FUNCTIONS_DIR in it. */
async function filesIn(folder: string): Promise<string[]> {
  const list = async (name: string): Promise<string[]> => {
    const entries = await readdir(join(folder, name), { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isFile() ? join(name, entry.name) : []));
  };
  return [...(await list("")), ...(await list(FUNCTIONS_DIR))];
}

/** Those that the manifest in the folder names. */
async function filesOfBuild(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, BUILD_MANIFEST_NAME), "utf8").catch(() => "");
  return text === "" ? [] : (await filesIn(folder)).filter((file) => text.includes(JSON.stringify(file).slice(1, -1)));
}

function isOurs(file: string): boolean {
  return dirname(file) === FUNCTIONS_DIR || /^(?:prelude(?:-\w+)?\.js|guest(?:-[\w.-]+)?\.snapshot)$/.test(file);
}

/** The target must be of an earlier build, empty or absent, and must not hold the sources. */
async function refuseTarget(config: Config, target: string): Promise<Failure | null> {
  const refusal = (why: string): Failure => ({
    code: "OUT_DIR_REFUSED",
    message: `Cannot build into ${target}: ${why}`,
    hint: "Give -o a new folder, or one that an earlier build made",
  });
  if (config.source.kind === "built") return refusal("the source is itself a build; give the folder of functions");
  const path = config.source.kind === "eval" ? null : config.source.path;
  const inside = path === null ? null : relative(target, path);
  if (inside !== null && inside !== ".." && !inside.startsWith(`..${sep}`)) return refusal(`the sources lie in it: ${path}`);
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? [] : null));
  if (names === null) return refusal("it is not a folder that can be read");
  if (names.length === 0 || (await isBuild(target))) return null;
  return refusal("it holds files that no build has made");
}

async function isBuild(target: string): Promise<boolean> {
  // Its format does not matter: the new build may take the place of one of another version.
  const manifest = await readFile(join(target, BUILD_MANIFEST_NAME), "utf8")
    .then(JSON.parse)
    .catch(() => null);
  return typeof manifest?.format === "number" && typeof manifest.guestHash === "string";
}
