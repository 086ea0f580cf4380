/**
 * Placement: where a function may run after a worker died with it. A pure
 * state machine: events in, state out; the shell starts and stops workers to
 * match `placements()`. Must not read the clock, the disk or a process.
 *
 *   shared ── its worker died under it ──> probation ── cleared ──> shared
 *                                            │ killed its own worker
 *                                            v
 *   isolated ── killed its worker 3 times ─> quarantine ── code changed ──> where it began
 *
 * Suspicion costs an innocent function a detour through a worker of its own,
 * and costs everybody nothing; sharing a worker with a killer costs all.
 */
import type { FunctionSpec } from "./function-spec.ts";
import type { Placement } from "./messages.ts";

/** A probation costs a process: more suspects than this at once stay where they are until they are caught again. */
export const PROBATION_MAX_COUNT = 8;
/** A function that asked for its own worker harms nobody else: it gets more chances. */
export const ISOLATED_DEATHS_MAX = 3;

type State =
  | { readonly at: "isolated"; readonly deaths: number }
  | { readonly at: "probation" }
  | { readonly at: "quarantine"; readonly reason: string; readonly code: CodeIdentity };

/** What tells one version of a function's code from the next. */
export interface CodeIdentity {
  readonly bundleHash: string | null;
  /** Of the source file, without reading it (fileStamp in builder.ts). */
  readonly stamp: string;
}

export interface DeployedFunction {
  readonly spec: FunctionSpec;
  readonly code: CodeIdentity;
}

export class PlacementTable {
  readonly #states = new Map<string, State>();
  readonly #deployed = new Map<string, DeployedFunction>();
  /** Sockets of the workers that profile, by function. */
  readonly #profiled = new Map<string, string>();
  readonly #socketPathOf: (functionId: string) => string;

  constructor(socketPathOf: (functionId: string) => string) {
    this.#socketPathOf = socketPathOf;
  }

  /** A deployment took effect: the vanished are forgotten, changed code leaves quarantine and probation. */
  deploy(functions: readonly DeployedFunction[]): void {
    const before = new Map(this.#deployed);
    this.#deployed.clear();
    for (const deployed of functions) this.#deployed.set(deployed.spec.id, deployed);
    for (const id of this.#states.keys()) if (!this.#deployed.has(id)) this.#states.delete(id);
    for (const { spec, code } of functions) {
      const state = this.#states.get(spec.id);
      const isIsolated = spec.isolation.kind === "process";
      const knownCode = state?.at === "quarantine" ? state.code : before.get(spec.id)?.code;
      const sameCode = knownCode !== undefined && !codeChanged(knownCode, code);
      if (state?.at === "quarantine" && sameCode) continue;
      if (isIsolated) {
        if (state?.at !== "isolated" || !sameCode) this.#states.set(spec.id, { at: "isolated", deaths: 0 });
      } else if (state !== undefined && !(state.at === "probation" && sameCode)) {
        this.#states.delete(spec.id);
      }
    }
  }

  /** Its bundle became known without a new deployment (first call): the same code under a better name. */
  built(functionId: string, bundleHash: string): void {
    const deployed = this.#deployed.get(functionId);
    if (deployed !== undefined) this.#deployed.set(functionId, { ...deployed, code: { ...deployed.code, bundleHash } });
  }

  /** A shared worker died unexpectedly with these functions in flight. Returns those that go on probation. */
  sharedWorkerDied(suspects: readonly string[]): readonly string[] {
    const accused: string[] = [];
    for (const id of suspects) {
      if (!this.#deployed.has(id) || this.#states.has(id)) continue;
      if (this.#probationCount() >= PROBATION_MAX_COUNT) break;
      this.#states.set(id, { at: "probation" });
      accused.push(id);
    }
    return accused;
  }

  /**
   * The function's own worker died. `guilty`: it was executing, or the process
   * crashed; an idle worker that somebody killed accuses nobody. True when the
   * function goes to quarantine.
   */
  dedicatedWorkerDied(functionId: string, guilty: boolean, how: string): boolean {
    const state = this.#states.get(functionId);
    const deployed = this.#deployed.get(functionId);
    if (!guilty || state === undefined || state.at === "quarantine" || deployed === undefined) return false;
    if (state.at === "isolated" && state.deaths + 1 < ISOLATED_DEATHS_MAX) {
      this.#states.set(functionId, { at: "isolated", deaths: state.deaths + 1 });
      return false;
    }
    const times = state.at === "isolated" ? `${ISOLATED_DEATHS_MAX} times` : "twice";
    const reason = `${functionId} ended its worker process ${times} (${how}); it is not run again until its code changes`;
    this.#states.set(functionId, { at: "quarantine", reason, code: deployed.code });
    return true;
  }

  /** Its worker has lived well for a while: old deaths are forgiven. */
  healthy(functionId: string): void {
    if (this.#states.get(functionId)?.at === "isolated") this.#states.set(functionId, { at: "isolated", deaths: 0 });
  }

  /** Probation went well. True when the function was on probation. */
  cleared(functionId: string): boolean {
    if (this.#states.get(functionId)?.at !== "probation") return false;
    return this.#states.delete(functionId);
  }

  /** The whole list, as workers get it. */
  placements(): readonly Placement[] {
    const placed = [...this.#states].filter(([functionId]) => !this.#profiled.has(functionId));
    const profiled = [...this.#profiled].map(
      ([functionId, socketPath]) => ({ functionId, where: "dedicated", socketPath, why: "profile" }) as const,
    );
    return [...placed.map(([functionId, state]) => this.#placement(functionId, state)), ...profiled];
  }

  /** While it is profiled its calls go to a worker made for that; what it was placed in waits. */
  beginProfile(functionId: string, socketPath: string): void {
    this.#profiled.set(functionId, socketPath);
  }

  endProfile(functionId: string): void {
    this.#profiled.delete(functionId);
  }

  placementOf(functionId: string): Placement | null {
    const state = this.#states.get(functionId);
    return state === undefined ? null : this.#placement(functionId, state);
  }

  #placement(functionId: string, state: State): Placement {
    if (state.at === "quarantine") return { functionId, where: "quarantine", reason: state.reason };
    const why = state.at === "isolated" ? "isolation" : "probation";
    return { functionId, where: "dedicated", socketPath: this.#socketPathOf(functionId), why };
  }

  #probationCount(): number {
    let count = 0;
    for (const state of this.#states.values()) if (state.at === "probation") count++;
    return count;
  }
}

/** A bundle's hash covers imports too; the file's stamp serves until both versions have been bundled. */
function codeChanged(before: CodeIdentity, after: CodeIdentity): boolean {
  if (before.bundleHash !== null && after.bundleHash !== null) return before.bundleHash !== after.bundleHash;
  return before.stamp !== after.stamp;
}
