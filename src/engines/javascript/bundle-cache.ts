/**
 * Bundle cache: bundles on disk, found again without loading the bundler.
 * An index entry lists every file the bundle was made of; it is valid while all
 * of them are unchanged and no new file would be imported in the place of one.
 * Anything doubtful is rebuilt: a stale bundle is worse than a slow start.
 * Entries are written whole (atomic-file.ts), so writers may race and die.
 */
import { readFileSync, realpathSync, statSync, utimesSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import esbuildPackage from "esbuild/package.json" with { type: "json" };
import { readRegularFile } from "../../base/regular-file.ts";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { sha256 } from "../../base/sha256.ts";
import { writeFileAtomic } from "../../store/atomic-file.ts";
import type { Bundle, BundleInput, BundleSource } from "./bundle.ts";
import { projectOf } from "./bundle-bounds.ts";
import { BUNDLE_FORMAT } from "./bundle-format.ts";
import type { BundleOptions } from "./bundle-options.ts";
import { sweepBundles } from "./bundle-sweep.ts";

/** `build` is `serve` with white space and syntax minified. */
export type BundleMode = "serve" | "dev" | "build";

/** Structurally the BundleRef of serve/function-spec.ts, which lies in a layer above. */
export interface StoredBundle {
  readonly hash: string;
  readonly codeFile: string;
  readonly mapFile: string;
  readonly codeCacheFile: string;
  readonly methods: readonly string[] | null;
  readonly tracksAsyncContext: boolean;
}

interface IndexEntry {
  readonly key: string;
  readonly hash: string;
  readonly mapName: string;
  readonly methods: readonly string[] | null;
  readonly tracksAsyncContext: boolean;
  readonly inputs: readonly BundleInput[];
  /** Files that must stay absent: each would be imported instead of an input. */
  readonly absent: readonly string[];
  /** package.json and tsconfig.json that steer the bundler, by digest; null where there is none. */
  readonly settings: readonly { readonly path: string; readonly sha256: string | null }[];
  readonly verifiedAtMs: number;
}

/** A file written this short before it was verified may have been written again unseen. */
const FILE_CLOCK_MS = 2_000;
/** Entries in use are kept young for the sweep, but not by a write at every look. */
const TOUCH_AFTER_MS = 60_000;

const inFlight = new Map<string, Promise<Result<StoredBundle>>>();

/** The bundle of a function: from the cache when valid, else built and stored. Rejects when `signal` is aborted before. */
export function getBundle(source: BundleSource, cacheDir: string, mode: BundleMode, signal?: AbortSignal): Promise<Result<StoredBundle>> {
  const found = findBundle(source, cacheDir, mode);
  if (found !== null) return Promise.resolve(ok(found));
  const flight = `${cacheDir}\n${keyOf(source, mode)}`;
  const running = inFlight.get(flight);
  if (running !== undefined) return running;
  const work = buildAndStore(source, cacheDir, mode, signal).finally(() => inFlight.delete(flight));
  inFlight.set(flight, work);
  return work;
}

/** A valid bundle that is already on disk, or null. Synchronous: some dozens of stats. */
export function findBundle(source: BundleSource, cacheDir: string, mode: BundleMode): StoredBundle | null {
  const key = keyOf(source, mode);
  const indexFile = indexFileOf(cacheDir, key);
  const entry = readEntry(indexFile, key);
  if (entry === null) return null;
  const stored = storedBundle(cacheDir, entry);
  try {
    if (!isUnchanged(entry) || sha256(readFileSync(stored.codeFile)) !== entry.hash) return null;
    if (statSync(stored.mapFile, { throwIfNoEntry: false }) === undefined) return null;
    touch(indexFile, stored);
  } catch {
    return null;
  }
  return stored;
}

async function buildAndStore(
  source: BundleSource,
  cacheDir: string,
  mode: BundleMode,
  signal: AbortSignal | undefined,
): Promise<Result<StoredBundle>> {
  const { bundleFunction } = await import("./bundle.ts");
  const built = await bundleFunction(source, optionsOf(mode), signal);
  if (!built.ok) return built;
  const key = keyOf(source, mode);
  const entry = entryFor(key, built.value);
  const stored = storedBundle(cacheDir, entry);
  try {
    await mkdir(dirname(indexFileOf(cacheDir, key)), { recursive: true });
    await writeFileAtomic(stored.codeFile, built.value.code);
    await writeFileAtomic(stored.mapFile, built.value.map);
    // Last, because it vouches for the other two.
    await writeFileAtomic(indexFileOf(cacheDir, key), JSON.stringify(entry));
    await sweepBundles(cacheDir);
  } catch (error) {
    return fail(unwritable(cacheDir, error as Error));
  }
  return ok(stored);
}

function unwritable(cacheDir: string, error: Error): Failure {
  return {
    code: "CACHE_UNWRITABLE",
    message: `Cannot store a bundle in ${cacheDir}: ${error.message}`,
    hint: "Make the folder writable, free some space, or choose another with --data-dir",
    at: { file: cacheDir },
  };
}

function optionsOf(mode: BundleMode): BundleOptions {
  return { mode: mode === "dev" ? "development" : "production", minify: mode === "build" };
}

function keyOf(source: BundleSource, mode: BundleMode): string {
  const { file, code, sourceRoot } = source;
  return sha256(JSON.stringify([BUNDLE_FORMAT, esbuildPackage.version, mode, file, code ?? null, sourceRoot, surroundings(source)]));
}

/** Another target of a link, or other bounds, are another bundle: what was allowed once need not be now. */
function surroundings(source: BundleSource): string[] {
  try {
    return [realpathSync(source.file === "" ? source.sourceRoot : source.file), projectOf(source)];
  } catch {
    return [];
  }
}

function indexFileOf(cacheDir: string, key: string): string {
  return join(cacheDir, "bundles", `${key}.json`);
}

function storedBundle(cacheDir: string, entry: Pick<IndexEntry, "hash" | "mapName" | "methods" | "tracksAsyncContext">): StoredBundle {
  const folder = join(cacheDir, "bundles");
  return {
    hash: entry.hash,
    codeFile: join(folder, `${entry.hash}.js`),
    mapFile: join(folder, entry.mapName),
    codeCacheFile: join(folder, `${entry.hash}.v8cache`),
    methods: entry.methods,
    tracksAsyncContext: entry.tracksAsyncContext,
  };
}

function entryFor(key: string, bundle: Bundle): IndexEntry {
  const paths = bundle.inputs.map((input) => input.path);
  return {
    key,
    hash: sha256(bundle.code),
    mapName: `${sha256(bundle.map)}.map`,
    methods: bundle.methods,
    tracksAsyncContext: bundle.tracksAsyncContext,
    inputs: bundle.inputs,
    absent: rivals(paths).filter((path) => statSync(path, { throwIfNoEntry: false }) === undefined),
    settings: settingsFiles(paths).map((path) => ({ path, sha256: digestOf(path) })),
    verifiedAtMs: Date.now(),
  };
}

/** What `import "./x"` could also find beside the developer's own files. */
function rivals(inputs: readonly string[]): string[] {
  const known = new Set(inputs);
  const candidates = inputs
    .filter((path) => !path.includes("/node_modules/"))
    .flatMap((path) => {
      const stem = path.replace(/\.[^./]+$/, "");
      const stems = stem.endsWith("/index") ? [stem, dirname(stem)] : [stem];
      return stems.flatMap((base) => [".tsx", ".ts", ".jsx", ".js"].map((extension) => base + extension));
    });
  return [...new Set(candidates)].filter((path) => !known.has(path));
}

/** Every package.json and tsconfig.json in or above a folder of the developer's own files. */
function settingsFiles(inputs: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of inputs) {
    if (path.includes("/node_modules/")) continue;
    for (let folder = dirname(path); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].flatMap((folder) => [join(folder, "package.json"), join(folder, "tsconfig.json")]);
}

function digestOf(path: string): string | null {
  const read = readRegularFile(path);
  return read.ok ? sha256(read.value) : null;
}

function isUnchanged(entry: IndexEntry): boolean {
  return (
    entry.inputs.every((input) => isSameFile(input, entry.verifiedAtMs)) &&
    entry.absent.every((path) => statSync(path, { throwIfNoEntry: false }) === undefined) &&
    entry.settings.every((setting) => digestOf(setting.path) === setting.sha256)
  );
}

function isSameFile(input: BundleInput, verifiedAtMs: number): boolean {
  const now = statSync(input.path, { throwIfNoEntry: false });
  if (now === undefined || now.size !== input.sizeBytes) return false;
  if (now.mtimeMs === input.mtimeMs && now.mtimeMs < verifiedAtMs - FILE_CLOCK_MS) return true;
  return digestOf(input.path) === input.sha256;
}

function touch(indexFile: string, stored: StoredBundle): void {
  const nowMs = Date.now();
  if (nowMs - statSync(indexFile).mtimeMs < TOUCH_AFTER_MS) return;
  for (const path of [indexFile, stored.codeFile, stored.mapFile]) utimesSync(path, nowMs / 1000, nowMs / 1000);
}

/** Null for an entry that is absent, damaged, or of another key (a copied file). */
function readEntry(indexFile: string, key: string): IndexEntry | null {
  try {
    const entry = JSON.parse(readFileSync(indexFile, "utf8")) as IndexEntry;
    const isWhole = entry.key === key && Array.isArray(entry.inputs) && Array.isArray(entry.absent) && Array.isArray(entry.settings);
    const isNamed = /^[0-9a-f]{64}$/.test(entry.hash) && /^[0-9a-f]{64}\.map$/.test(entry.mapName);
    return isWhole && isNamed ? entry : null;
  } catch {
    return null;
  }
}
