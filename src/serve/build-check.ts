/**
 * Build check: bundles functions before anybody calls them, and looks whether
 * modules can be used, so that a broken one is told when the server has started
 * or a file was saved, and not by its first caller. Modules are not built: that
 * would prepare each, which takes a processor for seconds; executables are not
 * run. Works behind the calls: few builds at a time, none while calls need
 * theirs, and none at all of functions too many to look at. Each failure is told
 * once, until it is another; so is its end.
 */
import { atOnce } from "../base/at-once.ts";
import type { Failure } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import type { BuildOutcome } from "./builder.ts";
import type { FunctionSpec } from "./function-spec.ts";
import type { LiveDeployment } from "./live-deployment.ts";

export interface BuildCheckHost {
  readonly live: Pick<LiveDeployment, "current" | "specOf" | "failureOf">;
  build(functionId: string): Promise<BuildOutcome>;
  check(functionId: string): Promise<Failure | null>;
  record(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void;
}

/** With more, only those are built that were saved: the rest wait for their first call. */
export const FUNCTIONS_MAX_COUNT = 200;
/** How long no call may have asked for a build. */
const QUIET_MS = 1_000;

/** A developer waits for the answer; a server's builds must not be felt. */
const PACE: Readonly<Record<Config["mode"], { readonly quietMs: number; readonly parallelCount: number }>> = {
  dev: { quietMs: 0, parallelCount: 2 },
  serve: { quietMs: QUIET_MS, parallelCount: 1 },
};

const NONE: ReadonlySet<string> = new Set();

export class BuildCheck {
  readonly #host: BuildCheckHost;
  readonly #pace: (typeof PACE)["dev"];
  /** The last failure told of a function, by id. */
  readonly #told = new Map<string, string>();
  /** Modules that can be used, and have no bundle by which to know it. */
  readonly #sound = new Set<string>();
  #isOn = false;
  /** Of the deployment that is being checked: a later one ends the work on it. */
  #round = 0;
  #disturbedMs = 0;

  constructor(mode: Config["mode"], host: BuildCheckHost) {
    this.#host = host;
    this.#pace = PACE[mode];
  }

  begin(): void {
    this.#isOn = true;
    void this.#check(NONE);
  }

  /** A call waits for a build: ours come later. */
  disturb(): void {
    this.#disturbedMs = performance.now();
  }

  deployed(changed: ReadonlySet<string>): void {
    if (this.#isOn) void this.#check(changed);
  }

  close(): void {
    this.#isOn = false;
    this.#round++;
  }

  async #check(changed: ReadonlySet<string>): Promise<void> {
    const round = ++this.#round;
    this.disturb();
    const { functions } = this.#host.live.current;
    const ids = new Set(functions.map((spec) => spec.id));
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    for (const id of this.#sound) if (!ids.has(id) || changed.has(id)) this.#sound.delete(id);
    for (const spec of functions) if (spec.failure !== null) this.#tell(spec.id, spec.failure, changed.has(spec.id));
    const isFew = functions.length <= FUNCTIONS_MAX_COUNT;
    const due = functions.filter((spec) => spec.failure === null && (isFew || changed.has(spec.id)));
    await atOnce(this.#pace.parallelCount, due, async ({ id }) => {
      if (round !== this.#round) return;
      await this.#quiet();
      if (round === this.#round) await this.#checkOne(id, changed.has(id), round);
    });
  }

  async #checkOne(id: string, isChanged: boolean, round: number): Promise<void> {
    const { live } = this.#host;
    const spec = live.specOf(id);
    if (spec === null) return;
    const known = live.failureOf(spec);
    if (known !== null) {
      // The call that met it is in the log.
      this.#told.set(id, known.message);
      return;
    }
    const failure = await this.#failureOf(spec);
    if (round !== this.#round) return;
    if (failure !== null) this.#tell(id, failure, isChanged);
    else if (this.#told.delete(id)) this.#host.record("info", `${id} builds again`, { function: id });
  }

  async #failureOf(spec: FunctionSpec): Promise<Failure | null> {
    const { id, engine, bundle } = spec;
    // A machine may lose an interpreter: it is looked at each time.
    if (engine === "process") return (await import("./program-check.ts")).programFailure(spec);
    if (bundle !== null || this.#sound.has(id)) return null;
    if (engine === "javascript") return (await this.#host.build(id)).failure;
    if (engine !== "wasm") return null;
    const round = this.#round;
    const failure = await this.#host.check(id);
    if (failure === null && round === this.#round) this.#sound.add(id);
    return failure;
  }

  #tell(id: string, { code, message, hint, at }: Failure, isChanged: boolean): void {
    if (this.#told.get(id) === message && !isChanged) return;
    this.#told.set(id, message);
    this.#host.record("error", message, { function: id, code, hint, at });
  }

  async #quiet(): Promise<void> {
    const { quietMs } = this.#pace;
    for (;;) {
      const waitMs = this.#disturbedMs + quietMs - performance.now();
      if (waitMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, waitMs).unref());
    }
  }
}
