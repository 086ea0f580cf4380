/**
 * What `pilotlight validate` builds: a bundle or a checked module of every
 * function. The faster start of a module is sought meanwhile; a function that
 * can't be loaded is not waited for.
 */
import type { Failure } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { getBundle } from "../engines/javascript/bundle-cache.ts";
import { type BetterStart, buildWasm } from "../serve/build-wasm.ts";
import { bundleSourceOf } from "../serve/bundle-source.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";
import { limitHint } from "../serve/limit-hint.ts";

export interface BuiltFunction {
  /** With its bundle, or with why there is none. */
  readonly spec: FunctionSpec;
  readonly better: Promise<BetterStart | null>;
  readonly giveUp: AbortController;
}

/** Bundling is a child process's work; more at once only queue there. */
const PARALLEL_MAX_COUNT = 8;

export async function buildAll(config: Config, specs: readonly FunctionSpec[]): Promise<BuiltFunction[]> {
  const built = new Array<BuiltFunction>(specs.length);
  const queue = specs.entries();
  const work = async (): Promise<void> => {
    for (const [index, spec] of queue) built[index] = await build(config, spec);
  };
  await Promise.all(Array.from({ length: PARALLEL_MAX_COUNT }, work));
  return built;
}

async function build(config: Config, spec: FunctionSpec): Promise<BuiltFunction> {
  const giveUp = new AbortController();
  const done = (known: Partial<FunctionSpec>, better: BuiltFunction["better"] = Promise.resolve(null)): BuiltFunction => ({
    spec: { ...spec, ...known },
    better,
    giveUp,
  });
  if (spec.failure !== null || config.source.kind === "built") return done({});
  if (spec.engine === "wasm") {
    const built = await buildWasm(config, spec, { signal: giveUp.signal, isWaitedFor: true });
    return built.ok ? done({ bundle: built.value.bundle }, built.value.better) : done({ failure: built.failure });
  }
  if (spec.engine === "process") return done({});
  const bundle = await getBundle(bundleSourceOf(config.source, spec), config.dataDir, "serve");
  return bundle.ok ? done({ bundle: bundle.value }) : done({ failure: bundle.failure });
}

/** What is known of it in the end; `loadFailure` says why it can't be loaded. */
export async function settled({ spec, better, giveUp }: BuiltFunction, loadFailure: Failure | null): Promise<FunctionSpec> {
  const failure = spec.failure ?? loadFailure;
  if (failure !== null) {
    giveUp.abort();
    return { ...spec, failure };
  }
  const found = await better;
  if (found === null) return spec;
  return { ...spec, bundle: found.bundle, failure: found.failure?.code === "WASM_START_OVERRAN" ? overran(spec) : null };
}

function overran({ id, file, cpuTimeoutMs, timeoutMs }: FunctionSpec): Failure {
  const limitMs = Math.min(cpuTimeoutMs, timeoutMs);
  return {
    code: "LOAD_FAILED",
    message: `${id} would be ended in every call: it used more than ${limitMs} ms of CPU time and had not asked for its request`,
    hint: limitHint(id, "CPU_LIMIT_EXCEEDED"),
    at: { file },
  };
}
