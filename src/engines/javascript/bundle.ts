/**
 * Bundling: one function file and everything it imports become ONE classic
 * script, because the engine compiles it once per isolate and runs it in fresh
 * contexts. The script evaluates to a promise and calls
 * `__pilotlight_install(exports)` as its last act; up to the first top-level
 * await it runs synchronously. docs/decisions/0003-bundling.md says why so.
 * Must not run the function's code nor write files.
 */
import { realpathSync } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import type { BuildFailure, BuildOptions, Metafile } from "esbuild";
import { readRegularFile } from "../../base/regular-file.ts";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { sha256 } from "../../base/sha256.ts";
import { formatDuration, SECOND_MS } from "../../base/units.ts";
import { Bounds, unusableSettings } from "./bundle-bounds.ts";
import { EXPORT_HANDLER, entryPlugin, loaderOf, readShape } from "./bundle-entry.ts";
import { describeBuildErrors, importChain, unresolvedSpecifiers } from "./bundle-failure.ts";
import { type BundleOptions, buildOptionsFor, refuseNetwork, standIns } from "./bundle-options.ts";
import { withEsbuild } from "./esbuild.ts";
import { ASYNC_CONTEXT_MODULE } from "./node-modules.ts";
import { prepareCode, sourceFiles } from "./source-files.ts";

type Esbuild = typeof import("esbuild");

export interface BundleSource {
  readonly id: string;
  /** Absolute path; "" when `code` is the source (-e). */
  readonly file: string;
  readonly code?: string;
  /** Absolute; names in source maps and messages are relative to it, and imports of `code` start there. */
  readonly sourceRoot: string;
}

export interface Bundle {
  readonly code: string;
  /** Source map version 3 with sourcesContent, JSON. */
  readonly map: string;
  /** Every file that was read. */
  readonly inputs: readonly BundleInput[];
  readonly methods: readonly string[] | null;
  readonly tracksAsyncContext: boolean;
}

export interface BundleInput {
  readonly path: string;
  readonly mtimeMs: number;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A file saved while it was being bundled makes the bundle a mix; file clocks are this coarse. */
const FILE_CLOCK_MS = 10;
const BUILD_ATTEMPT_MAX_COUNT = 3;
/** A hundred times what a large function takes; shorter than a worker waits for the answer. */
const BUILD_TIMEOUT_MS = 30 * SECOND_MS;
/** The bundler puts them behind the name of an input. */
const IMPORT_ATTRIBUTES = / with \{[^{}]*\}$/;

/** Gives up when it takes too long; rejects when `signal` is aborted before. */
export async function bundleFunction(source: BundleSource, options: BundleOptions, signal?: AbortSignal): Promise<Result<Bundle>> {
  const { timeoutMs = BUILD_TIMEOUT_MS } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    return await withEsbuild(
      (esbuild) => bundleSettled(esbuild, source, options),
      signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    );
  } catch (error) {
    if (!timeout.aborted || signal?.aborted) throw error;
    return fail(tooLong(nameOf(source), timeoutMs));
  }
}

/** Once more when files were saved while they were read. */
async function bundleSettled(esbuild: Esbuild, source: BundleSource, options: BundleOptions): Promise<Result<Bundle>> {
  for (let attempt = 1; ; attempt++) {
    const startMs = Date.now();
    const built = await build(esbuild, source, options);
    if (!built.ok) return built;
    const inputs = await fingerprint(built.value.inputPaths);
    const isLast = attempt === BUILD_ATTEMPT_MAX_COUNT;
    if (inputs !== null && (isLast || inputs.every((input) => input.mtimeMs < startMs - FILE_CLOCK_MS)))
      return ok({ ...built.value, inputs });
    if (isLast) return fail(unreadable(nameOf(source), "its files vanish while they are read"));
  }
}

function tooLong(name: string, timeoutMs: number): Failure {
  return {
    code: "BUILD_TIMEOUT",
    message: `Cannot bundle ${name}: it was not done within ${formatDuration(timeoutMs)}`,
    hint: "Look for a FIFO or a device among its package.json and tsconfig.json files, or import less",
    at: { file: name },
  };
}

interface Built extends Omit<Bundle, "inputs"> {
  readonly inputPaths: readonly string[];
}

async function build(esbuild: Esbuild, source: BundleSource, options: BundleOptions): Promise<Result<Built>> {
  const name = nameOf(source);
  const read = readSource(source);
  if (!read.ok) return read;
  const { file, code, root, bounds } = read.value;
  const shape = await readShape(esbuild, code, file === null ? "tsx" : loaderOf(file), name);
  if (!shape.ok) return shape;

  const imported = new Set<string>();
  const entry = entryPlugin({
    file,
    code: shape.value.exportsHandler ? code + EXPORT_HANDLER : code,
    resolveDir: root,
    displayName: name,
  });
  const buildOptions = buildOptionsFor(file, root, options, [entry, standIns(imported), refuseNetwork(), sourceFiles(bounds)]);
  try {
    const result = await esbuild.build({ ...buildOptions, metafile: true, write: false });
    const [map, text] = result.outputFiles;
    const tracksAsyncContext = imported.has(ASYNC_CONTEXT_MODULE);
    const script = tracksAsyncContext ? await lower(esbuild, text!.text, map!.text, options.minify) : wrap(text!.text, map!.text);
    return ok({ ...script, inputPaths: filesRead(result.metafile, root), methods: shape.value.methods, tracksAsyncContext });
  } catch (error) {
    const { errors } = error as BuildFailure;
    if (!Array.isArray(errors)) throw error;
    return fail(describeBuildErrors(name, errors, await chainTo(esbuild, buildOptions, file, errors)));
  }
}

interface ReadSource {
  readonly file: string | null;
  readonly code: string;
  readonly root: string;
  readonly bounds: Bounds;
}

function readSource(source: BundleSource): Result<ReadSource> {
  try {
    // The bundler names files by their real path: the entry is recognised by it, and the others are named from the root.
    const root = realpathSync(source.sourceRoot);
    const bounds = new Bounds(source);
    const unusable = unusableSettings(source.file === "" ? root : dirname(realpathSync(source.file)));
    if (unusable !== null) return fail(unreadable(unusable, "it is no regular file, or a huge one"));
    if (source.code !== undefined) return ok({ file: null, code: prepareCode("code.tsx", source.code), root, bounds });
    const read = bounds.read(source.file);
    if (!read.ok) return fail(unreadable(nameOf(source), read.failure));
    const file = realpathSync(source.file);
    return ok({ file, root, bounds, code: prepareCode(file, read.value.toString("utf8")) });
  } catch (error) {
    return fail(unreadable(nameOf(source), (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (error as Error).message));
  }
}

function unreadable(name: string, why: string): Failure {
  return {
    code: "SOURCE_UNREADABLE",
    message: `Cannot read ${name}: ${why}`,
    hint: "Check that it is a file of the project and may be read",
    at: { file: name },
  };
}

function nameOf(source: BundleSource): string {
  return source.code === undefined ? relative(source.sourceRoot, source.file) || source.file : source.id;
}

type Script = Pick<Bundle, "code" | "map">;

/** The bundle's text between two lines of our own; the map moves down by one. */
function wrap(text: string, map: string): Script {
  return { code: `(async () => {"use strict";\n${text}})()\n`, map: shiftByOneLine(map) };
}

/**
 * Async functions as generators over `Promise.prototype.then`, which the guest
 * patches to carry AsyncLocalStorage; native await can't be patched. Done on the
 * whole wrapped bundle, so that top-level await is lowered with the rest.
 */
async function lower(esbuild: Esbuild, text: string, map: string, minify: boolean): Promise<Script> {
  const inlineMap = Buffer.from(shiftByOneLine(map)).toString("base64");
  const result = await esbuild.transform(
    `const pilotlightMain = async () => {\n${text}};\n//# sourceMappingURL=data:application/json;base64,${inlineMap}\n`,
    {
      loader: "js",
      target: "esnext",
      supported: { "async-await": false, "async-generator": false, "for-await": false },
      banner: '(() => {"use strict";',
      footer: "return pilotlightMain();\n})()",
      minifyWhitespace: minify,
      minifySyntax: minify,
      legalComments: "none",
      charset: "utf8",
      sourcemap: "external",
      sourcesContent: true,
      logLevel: "silent",
    },
  );
  return { code: result.code, map: result.map };
}

function shiftByOneLine(map: string): string {
  const parsed = JSON.parse(map) as { mappings: string };
  parsed.mappings = `;${parsed.mappings}`;
  return JSON.stringify(parsed);
}

/** How the function came to import the file at fault; asked only when a package did it. */
async function chainTo(esbuild: Esbuild, options: BuildOptions, file: string | null, errors: BuildFailure["errors"]): Promise<string[]> {
  const culprit = errors[0]?.location?.file;
  const external = unresolvedSpecifiers(errors);
  if (file === null || culprit === undefined || !culprit.includes("node_modules/") || external.length === 0) return [];
  try {
    const result = await esbuild.build({ ...options, external, metafile: true, write: false });
    return importChain(result.metafile.inputs, relative(options.absWorkingDir!, file), culprit);
  } catch {
    return [];
  }
}

/**
 * The files that shape the bundle: what the entry reaches, used or not (an edit
 * may change that), and what is in the output. Leaves out the stand-ins for
 * globals that nobody named, which the bundler reads every time.
 */
function filesRead(metafile: Metafile, sourceRoot: string): string[] {
  const output = Object.values(metafile.outputs).find((candidate) => candidate.entryPoint !== undefined);
  const entry = output?.entryPoint;
  const reached = new Set([...(entry === undefined ? [] : [entry]), ...Object.keys(output?.inputs ?? {})]);
  for (const path of reached) {
    for (const imported of metafile.inputs[path]?.imports ?? []) {
      if (imported.path in metafile.inputs) reached.add(imported.path);
    }
  }
  return [...reached]
    .filter((path) => path !== entry && !/^(?:pilotlight-[a-z]+:|<|\(disabled\):)/.test(path))
    .map((path) => resolve(sourceRoot, path.replace(IMPORT_ATTRIBUTES, "")));
}

/** Null when a file is gone again. */
async function fingerprint(paths: readonly string[]): Promise<BundleInput[] | null> {
  try {
    return await Promise.all(
      paths.map(async (path) => {
        const { mtimeMs, size } = await stat(path);
        const read = readRegularFile(path);
        if (!read.ok) throw new Error(read.failure);
        return { path, mtimeMs, sizeBytes: size, sha256: sha256(read.value) };
      }),
    );
  } catch {
    return null;
  }
}
