/**
 * LiveDeployment: the deployment that is being served, and what becomes known
 * about it while it is: bundles, failures to build, a changed configuration.
 * Only this file decides which configuration a reload may change.
 */
import { existsSync } from "node:fs";
import type { Failure, Result } from "../base/result.ts";
import { fail, ok } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { Builder, type BuildOutcome, fileStamp } from "./builder.ts";
import type { BundleRef, Deployment, FunctionSpec } from "./function-spec.ts";
import type { DeployedFunction } from "./placement.ts";

/** Later there is something better than what was built, or the reason why there is not. */
export type Improved = (built: BundleRef, better: { readonly bundle: BundleRef; readonly failure: string | null }) => void;

/** How deployments and bundles are made; tests script it. */
export interface Workshop {
  makeDeployment(
    config: Config,
    version: number,
    previous: Deployment | undefined,
  ): Promise<{
    readonly deployment: Deployment;
    readonly notices: readonly string[];
    readonly failures: readonly Failure[];
  }>;
  /** Whether a module can be used; starts no work on it that goes on. */
  check(config: Config, spec: FunctionSpec): Promise<Result<unknown>>;
  /** Rejects when `signal` is aborted: a bundler that hangs must not keep the process. */
  build(config: Config, spec: FunctionSpec, signal: AbortSignal, improved: Improved): Promise<Result<BundleRef>>;
  /** The guest's heap snapshot, which the first worker writes. */
  snapshotFile(config: Config): Promise<string>;
}

/** Fields that a running server can take over; the others need a restart. */
const RELOADABLE = [
  "functions",
  "memoryMaxBytes",
  "processMemoryMaxBytes",
  "timeoutMs",
  "cpuTimeoutMs",
  "poolSize",
] as const satisfies readonly (keyof Config)[];

export interface Renewal {
  readonly notices: readonly string[];
  /** Functions whose code or settings are others than before, the new ones included. */
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

export class LiveDeployment {
  readonly #workshop: Workshop;
  readonly #builder: Builder;
  readonly #abandoned = new AbortController();
  #config: Config;
  #current: Deployment = { version: 0, functions: [] };
  /** Which version of each function's file was deployed. */
  #stamps: ReadonlyMap<string, string> = new Map();

  /** A function goes over to a faster start, or can't (with the reason): the deployment is to be told to the workers. */
  onImproved: ((functionId: string, failure: string | null) => void) | null = null;

  constructor(config: Config, workshop: Workshop) {
    this.#config = config;
    this.#workshop = workshop;
    this.#builder = new Builder({
      build: (spec) => workshop.build(this.#config, spec, this.#abandoned.signal, (built, better) => this.#improve(spec.id, built, better)),
      check: (spec) => workshop.check(this.#config, spec),
    });
  }

  get current(): Deployment {
    return this.#current;
  }

  /** Makes the next deployment. On failure the present one stays. */
  async renew(config: Config): Promise<Result<Renewal, readonly Failure[]>> {
    const merged = withReloadable(this.#config, config);
    const previous = this.#current.version === 0 ? undefined : this.#current;
    const made = await this.#workshop.makeDeployment(merged, this.#current.version + 1, previous);
    if (made.failures.length > 0) return fail(made.failures);
    const ignored = fieldsThatNeedRestart(this.#config, config);
    this.#config = merged;
    const { functions } = made.deployment;
    const stamps = new Map(functions.map((spec) => [spec.id, fileStamp(spec.file)]));
    const kept = functions.map((spec) => (this.#isSameModule(spec, stamps) ? { ...spec, bundle: this.specOf(spec.id)!.bundle } : spec));
    const changed = kept.filter((spec) => this.#differs(spec, stamps.get(spec.id)!)).map((spec) => spec.id);
    const removed = this.#current.functions.map((spec) => spec.id).filter((id) => !stamps.has(id));
    this.#current = { ...made.deployment, functions: kept };
    this.#stamps = stamps;
    this.#builder.reset();
    const notice = `Restart the server for changes of: ${ignored.join(", ")}`;
    return ok({ notices: ignored.length === 0 ? made.notices : [...made.notices, notice], changed, removed });
  }

  /** Builds a function for a worker and remembers the bundle for workers to come. */
  async build(functionId: string): Promise<BuildOutcome> {
    const spec = this.specOf(functionId);
    if (spec === null) {
      return { bundle: null, failure: { code: "FUNCTION_GONE", message: `${functionId} is no longer deployed` } };
    }
    // The data folder may have been emptied since.
    if (spec.bundle !== null && existsSync(spec.bundle.codeFile)) return { bundle: spec.bundle, failure: null };
    const { version } = this.#current;
    const outcome = await this.#builder.request(spec);
    // A reload came in between: the files may have changed under the build.
    if (this.#current.version !== version) return this.build(functionId);
    if (outcome.bundle !== null) this.#remember(functionId, outcome.bundle);
    return outcome;
  }

  /** Why its first call would fail, without building it for one; null when it would not, or when it is gone. */
  async check(functionId: string): Promise<Failure | null> {
    const spec = this.specOf(functionId);
    return spec === null ? null : this.#builder.check(spec);
  }

  /** Nobody waits for builds any more. */
  abandon(): void {
    this.#abandoned.abort();
  }

  specOf(functionId: string): FunctionSpec | null {
    return this.#current.functions.find((spec) => spec.id === functionId) ?? null;
  }

  failureOf(spec: FunctionSpec): Failure | null {
    return spec.failure ?? this.#builder.failureOf(spec.id);
  }

  /** The deployment of a worker that serves one function alone. */
  only(functionId: string): Deployment {
    return { version: this.#current.version, functions: this.#current.functions.filter((spec) => spec.id === functionId) };
  }

  /** With what tells their code apart, for the placement. */
  identified(): DeployedFunction[] {
    return this.#current.functions.map((spec) => ({
      spec,
      code: { bundleHash: spec.bundle?.hash ?? null, stamp: this.#stamps.get(spec.id)! },
    }));
  }

  /** From what is deployed now. A bundle knows all its files; without one, its own file has to do. */
  #differs(spec: FunctionSpec, stamp: string): boolean {
    const before = this.specOf(spec.id);
    if (before === null) return true;
    if (JSON.stringify({ ...before, bundle: null }) !== JSON.stringify({ ...spec, bundle: null })) return true;
    return before.bundle === null ? this.#stamps.get(spec.id) !== stamp : before.bundle.hash !== spec.bundle?.hash;
  }

  /** A module is one file: what tells its version is enough to keep what was built of it. */
  #isSameModule(spec: FunctionSpec, stamps: ReadonlyMap<string, string>): boolean {
    const before = this.specOf(spec.id);
    if (spec.engine !== "wasm" || before === null || spec.bundle !== null || stamps.get(spec.id) !== this.#stamps.get(spec.id))
      return false;
    return JSON.stringify({ ...before, bundle: null }) === JSON.stringify(spec);
  }

  /** Only what is still deployed as it was built: a reload may have come in between. */
  #improve(functionId: string, built: BundleRef, { bundle, failure }: Parameters<Improved>[1]): void {
    const isCurrent = this.specOf(functionId)?.bundle?.hash === built.hash;
    const isOther = bundle.hash !== built.hash;
    if (!isCurrent || (!isOther && failure === null)) return;
    if (isOther) this.#remember(functionId, bundle);
    this.onImproved?.(functionId, failure);
  }

  #remember(functionId: string, bundle: BundleRef): void {
    const functions = this.#current.functions.map((spec) => (spec.id === functionId ? { ...spec, bundle } : spec));
    this.#current = { ...this.#current, functions };
  }
}

function withReloadable(running: Config, wanted: Config): Config {
  const changes = Object.fromEntries(RELOADABLE.map((field) => [field, wanted[field]]));
  return Object.freeze({ ...running, ...changes });
}

function fieldsThatNeedRestart(running: Config, wanted: Config): string[] {
  const fields = Object.keys(wanted) as (keyof Config)[];
  const isFixed = (field: keyof Config): boolean => !(RELOADABLE as readonly string[]).includes(field);
  return fields.filter((field) => isFixed(field) && JSON.stringify(running[field]) !== JSON.stringify(wanted[field]));
}

const CHANGES_SHOWN_MAX_COUNT = 5;

/** "reloaded: a, b (removed)". */
export function describeReload({ changed, removed }: Renewal): string {
  const names = [...changed, ...removed.map((id) => `${id} (removed)`)];
  const more = names.length - CHANGES_SHOWN_MAX_COUNT;
  const shown = names.slice(0, CHANGES_SHOWN_MAX_COUNT).join(", ");
  return `reloaded: ${names.length === 0 ? "no function changed" : shown}${more > 0 ? ` and ${more} more` : ""}`;
}
