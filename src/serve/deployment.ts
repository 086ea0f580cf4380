/**
 * Deployment: the folder's functions with every override and default filled
 * in, as the workers get them. Bundles nothing: a function is built when its
 * first call comes, so a thousand functions deploy in well under a second.
 * What is wrong with one function is that function's failure; the others serve.
 */
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Failure } from "../base/result.ts";
import { didYouMean } from "../base/suggest.ts";
import { formatSize, MIB } from "../base/units.ts";
import type { Config, EngineName, FunctionOverrides, Isolation } from "../config/config.ts";
import { PROCESS_DEFAULTS, type ProcessSettings } from "../config/process-settings.ts";
import { type SharedFolder, UNLIMITED_BYTES } from "../engines/engine.ts";
import { bundleSourceOf } from "./bundle-source.ts";
import { executableRef } from "./executable.ts";
import { type FoundFunction, functionAt, scanFolder } from "./folder.ts";
import type { BundleRef, Deployment, FunctionSpec } from "./function-spec.ts";
import { readManifest } from "./manifest.ts";
import { patternFault, patternShape } from "./route-pattern.ts";
import { foldersOf } from "./shared-folders.ts";
import { unfitSetting } from "./unfit-setting.ts";

interface MadeDeployment {
  readonly deployment: Deployment;
  /** Worth a line to the operator; nothing is wrong. */
  readonly notices: readonly string[];
  /** Wrong as a whole (an override of no function, a source that can't be read); those of one function are in its spec. */
  readonly failures: readonly Failure[];
}

/** V8 does not start an isolate with less. */
const JAVASCRIPT_MEMORY_MIN_BYTES = 8 * MIB;
/** What Gojinn takes of a guest's output; that of an executable is sent as it comes. */
const OUTPUT_MAX_BYTES = 5 * MIB;
const SHARED_POOL_SIZE = 256;

type Environment = Readonly<Record<string, string | undefined>>;

/** For whoever serves nothing (build, validate, list): any name counts as set, and no value is known. */
export const ANY_ENVIRONMENT: Environment = new Proxy({}, { get: () => "" });

/**
 * `environment` is where allow.env and secrets are looked up. Bundles of
 * `previous` are carried over while they are valid, so that a function whose
 * code and spec did not change keeps its sandboxes.
 */
export async function makeDeployment(
  config: Config,
  version: number,
  environment: Environment,
  previous?: Deployment,
): Promise<MadeDeployment> {
  const found = await findFunctions(config);
  const overrides = (id: string): FunctionOverrides => ({ ...found.overrides.get(id), ...given.get(id) });
  // A Map: a function may be called "constructor".
  const given = new Map(Object.entries(config.functions));
  const built = new Map(previous?.functions.map((spec) => [spec.id, spec.bundle]));

  const findBundle = previous === undefined ? null : await bundleFinder(config);
  const specs = found.functions.map((one) => {
    const spec = specOf(one, overrides(one.id), config, environment);
    const bundle = found.bundles.get(one.id) ?? (built.get(spec.id) ? (findBundle?.(spec) ?? null) : null);
    return { ...spec, bundle: spec.engine === "process" ? executableRef(spec.file, config.mode, version) : bundle };
  });
  const raised = found.functions.filter(
    (one) => memoryOf(overrides(one.id), one.engine, config) < JAVASCRIPT_MEMORY_MIN_BYTES && one.engine === "javascript",
  );
  const unknown = unknownOverrides(config, found.functions);
  // A build has the functions under their final ids, with what was said of them: nothing is lost there.
  const isBuilt = config.source.kind === "built";
  return {
    deployment: { version, functions: markConflicts(specs) },
    notices: [...(raised.length === 0 ? [] : [memoryNotice(raised)]), ...(isBuilt ? unknown.map(({ message }) => message) : [])],
    failures: isBuilt ? found.failures : [...found.failures, ...unknown],
  };
}

/** Serving an empty folder is fine, it may fill; building or validating one is a mistake in the path. */
export function noFunctions({ source }: Config): Failure {
  const where = source.kind === "eval" ? "the code" : source.path;
  return { code: "NO_FUNCTIONS", message: `There are no functions in ${where}`, hint: "Add a file such as hello.ts, or give another path" };
}

interface Found {
  readonly functions: readonly FoundFunction[];
  readonly overrides: ReadonlyMap<string, FunctionOverrides>;
  readonly bundles: ReadonlyMap<string, BundleRef>;
  readonly failures: readonly Failure[];
}

async function findFunctions(config: Config): Promise<Found> {
  const { source } = config;
  const nothing = { functions: [], overrides: new Map(), bundles: new Map() };
  if (source.kind === "built") {
    const manifest = await readManifest(source.path);
    return manifest.ok ? { ...manifest.value, failures: [] } : { ...nothing, failures: [manifest.failure] };
  }
  try {
    return { ...nothing, functions: withSources(await scanFolder(source, config.dataDir), config), failures: [] };
  } catch (error) {
    const file = source.kind === "eval" ? "" : source.path;
    const message = `Cannot read the functions in ${file}: ${(error as Error).message}`;
    return {
      ...nothing,
      failures: [{ code: "SOURCE_UNREADABLE", message, hint: "Check that the folder exists and may be read", at: { file } }],
    };
  }
}

/** pilotlight.yaml may take a function's source from elsewhere, or add a function that the folder does not hold. */
function withSources(found: readonly FoundFunction[], config: Config): FoundFunction[] {
  const sourced = Object.entries(config.functions).flatMap(([id, { source }]) => (source === undefined ? [] : [functionAt(source, id)]));
  const replaced = new Set(sourced.map((one) => one.id));
  return [...found.filter((one) => !replaced.has(one.id)), ...sourced].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Only a reload has bundles to carry over: a start does not load the cache. */
async function bundleFinder(config: Config): Promise<(spec: FunctionSpec) => BundleRef | null> {
  const { findBundle } = await import("../engines/javascript/bundle-cache.ts");
  return (spec) => (spec.engine === "javascript" ? findBundle(bundleSourceOf(config.source, spec), config.dataDir, config.mode) : null);
}

function specOf(found: FoundFunction, overrides: FunctionOverrides, config: Config, environment: Environment): FunctionSpec {
  const engine = overrides.engine ?? found.engine;
  const isolation = isolationOf(overrides, engine);
  const route = overrides.route ?? found.route;
  const memoryMaxBytes = memoryOf(overrides, engine, config);
  const folders = foldersOf(overrides.allow?.dir ?? []);
  const process = engine === "process" ? { ...PROCESS_DEFAULTS, ...overrides.process } : null;
  return {
    id: overrides.id ?? found.id,
    route,
    port: overrides.port ?? null,
    methods: overrides.methods ?? null,
    engine,
    contract: overrides.contract ?? null,
    checkpoint: overrides.checkpoint ?? false,
    folders,
    outputMaxBytes: overrides.outputMaxBytes ?? (engine === "process" ? UNLIMITED_BYTES : OUTPUT_MAX_BYTES),
    process,
    file: found.file,
    memoryMaxBytes: engine === "javascript" ? Math.max(memoryMaxBytes, JAVASCRIPT_MEMORY_MIN_BYTES) : memoryMaxBytes,
    timeoutMs: overrides.timeoutMs ?? config.timeoutMs,
    cpuTimeoutMs: overrides.cpuTimeoutMs ?? config.cpuTimeoutMs,
    poolSize: overrides.poolSize ?? config.poolSize ?? (process === null ? automaticPoolSize(engine, isolation) : poolSizeOf(process)),
    isolation,
    env: environmentOf(overrides, environment),
    allow: overrides.allow ?? {},
    bundle: null,
    failure:
      engineFailure(found, engine, isolation) ??
      unfitSetting(found, engine, overrides) ??
      folderFailure(found, folders) ??
      routeFailure(found, route) ??
      portFailure(found, overrides, config) ??
      secretFailure(found, overrides, environment),
  };
}

function memoryOf(overrides: FunctionOverrides, engine: EngineName, config: Config): number {
  return overrides.memoryMaxBytes ?? (engine === "process" ? config.processMemoryMaxBytes : config.memoryMaxBytes);
}

function isolationOf({ isolation }: FunctionOverrides, engine: EngineName): Isolation {
  // It is in a process of its own in any case.
  if (engine === "process" && isolation?.kind === "process") return { kind: "shared" };
  return isolation ?? { kind: engine === "wasm" ? "request" : "shared" };
}

/**
 * Sharing costs nothing per call; the other modes hold an isolate's state for each. Calls into a module wait in line for
 * its one instance; a fresh realm for each call is what has to be kept few.
 */
function automaticPoolSize(engine: EngineName, isolation: Isolation): number {
  if (engine !== "javascript" || isolation.kind === "shared" || isolation.kind === "process") return SHARED_POOL_SIZE;
  return Math.min(Math.max(2 * availableParallelism(), 8), 128);
}

/** All that its instances take and its line holds, and one more: who comes then is refused by the line, which knows why. */
function poolSizeOf({ instanceMax, concurrency, queueMax }: ProcessSettings): number {
  return Math.max(SHARED_POOL_SIZE, instanceMax * concurrency + queueMax + 1);
}

/** Secrets win over literals, literals over what is passed through. */
function environmentOf(overrides: FunctionOverrides, environment: Environment): Record<string, string> {
  const env: Record<string, string> = {};
  const copy = (name: string) => {
    const value = environment[name];
    if (value !== undefined) env[name] = value;
  };
  for (const name of overrides.allow?.env ?? []) copy(name);
  Object.assign(env, overrides.env);
  for (const name of overrides.secrets ?? []) copy(name);
  return env;
}

function engineFailure(found: FoundFunction, engine: EngineName, isolation: Isolation): Failure | null {
  if (engine === "wasm" && isolation.kind === "shared") {
    return {
      code: "ISOLATION_UNSUPPORTED",
      message: `Cannot serve ${found.id}: a WebAssembly function has fresh state for every request, and its isolation says shared`,
      hint: "Leave isolation out, and keep what has to last in kv, sql or a file that it is allowed",
      at: { file: found.file },
    };
  }
  return null;
}

function folderFailure({ id, file }: FoundFunction, folders: readonly SharedFolder[]): Failure | null {
  const missing = folders.find(({ hostPath }) => !statSync(hostPath, { throwIfNoEntry: false })?.isDirectory());
  if (missing === undefined) return null;
  return {
    code: "FOLDER_MISSING",
    message: `Cannot serve ${id}: the folder ${missing.hostPath}, which its allow.dir names, is not there`,
    hint: "Make it, or name another; a relative path starts at the folder of pilotlight.yaml",
    at: { file },
  };
}

function routeFailure(found: FoundFunction, route: string): Failure | null {
  const fault = patternFault(route);
  if (fault === null) return null;
  const message = `Cannot serve ${found.id}: the route ${route} ${fault}`;
  return { code: "ROUTE_INVALID", message, hint: "Rename the file, or give it a route in pilotlight.yaml", at: { file: found.file } };
}

function portFailure({ id, file }: FoundFunction, { port }: FunctionOverrides, { host, port: serverPort, admin }: Config): Failure | null {
  if (port === undefined) return null;
  const taken = port === serverPort ? "the server's own" : port === admin?.port && admin.host === host ? "that of the admin API" : null;
  if (taken === null) return null;
  const message = `Cannot serve ${id}: its port ${port} is ${taken}`;
  return { code: "PORT_CONFLICT", message, hint: "Give it another in pilotlight.yaml, or the server with --port or --admin", at: { file } };
}

function secretFailure(found: FoundFunction, overrides: FunctionOverrides, environment: Environment): Failure | null {
  const missing = (overrides.secrets ?? []).filter((name) => environment[name] === undefined);
  if (missing.length === 0) return null;
  const message = `Cannot serve ${found.id}: its secret ${missing.join(", ")} is not in the environment`;
  return {
    code: "SECRET_MISSING",
    message,
    hint: `Set ${missing.join(", ")} before the server starts, or remove it from secrets`,
    at: { file: found.file },
  };
}

/** Two functions with one route, port or id: neither serves, since any choice between them would be a surprise. */
function markConflicts(specs: readonly FunctionSpec[]): FunctionSpec[] {
  const byRoute = Map.groupBy(specs, routeKey);
  const byId = Map.groupBy(specs, (spec) => spec.id);
  const byPort = Map.groupBy(specs, (spec) => spec.port);
  return specs.map((spec) => {
    if (spec.failure !== null) return spec;
    const sameRoute = byRoute.get(routeKey(spec))!.filter((other) => other !== spec);
    if (sameRoute.length > 0) return { ...spec, failure: conflict(spec, sameRoute, "ROUTE_CONFLICT", `the route ${spec.route}`) };
    const samePort = spec.port === null ? [] : byPort.get(spec.port)!.filter((other) => other !== spec);
    if (samePort.length > 0) return { ...spec, failure: conflict(spec, samePort, "PORT_CONFLICT", `the port ${spec.port}`) };
    const sameId = byId.get(spec.id)!.filter((other) => other !== spec);
    return sameId.length === 0 ? spec : { ...spec, failure: conflict(spec, sameId, "ID_CONFLICT", `the id ${spec.id}`) };
  });
}

/** Routes that can't be parsed contest nothing. */
function routeKey(spec: FunctionSpec): string {
  return patternFault(spec.route) === null ? patternShape(spec.route) : `invalid ${spec.id}`;
}

function conflict(spec: FunctionSpec, rivals: readonly FunctionSpec[], code: string, what: string): Failure {
  const files = rivals.map((other) => other.file).join(" and ");
  return {
    code,
    message: `Cannot serve ${spec.file}: ${files} ${rivals.length === 1 ? "has" : "have"} ${what} too`,
    hint: "Rename or remove one of the files, or tell them apart by `route`, `port` and `id` in pilotlight.yaml",
    at: { file: spec.file },
  };
}

function unknownOverrides(config: Config, functions: readonly FoundFunction[]): Failure[] {
  const ids = functions.map((one) => one.id);
  const known = new Set(ids);
  return Object.keys(config.functions)
    .filter((id) => !known.has(id))
    .map((id) => ({
      code: "FUNCTION_UNKNOWN",
      message: `pilotlight.yaml configures ${JSON.stringify(id)}, but there is no such function.${didYouMean(id, ids)}`,
      hint:
        ids.length === 0 ? "The folder has no functions" : `Functions are ${ids.slice(0, 10).join(", ")}${ids.length > 10 ? ", …" : ""}`,
    }));
}

function memoryNotice(raised: readonly FoundFunction[]): string {
  const names = raised.slice(0, 3).map((one) => one.id);
  const more = raised.length > names.length ? ` and ${raised.length - names.length} more` : "";
  return `The memory limit of ${names.join(", ")}${more} is raised to ${formatSize(JAVASCRIPT_MEMORY_MIN_BYTES)}: V8 does not start with less`;
}
