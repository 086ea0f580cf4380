/**
 * Process counters: what happened to the instances of one function in this
 * worker, over all pools that its template has opened. The pools say what they
 * have at the moment; here is what must not fall when they go.
 */
import {
  addStarts,
  INSTANCE_STATES,
  NO_PROCESS_METRICS,
  oneStart,
  type ProcessMetrics,
  perState,
  type StartMetrics,
} from "../../../telemetry/process-metrics.ts";
import type { LaunchedProcess, Origin, StartPhases } from "../launch/launched.ts";
import type { LinkWay } from "../links/link.ts";
import type { StateRecord } from "./instance-state.ts";

/** What one pool has now. */
export interface PoolNow {
  readonly states: Iterable<StateRecord>;
  readonly busyInstances: number;
  readonly waitingCalls: number;
}

export class ProcessCounters {
  readonly #log: (message: string) => void;
  #way: LinkWay | null = null;
  #insteadBecause: string | null = null;
  readonly #starts: Record<Origin, StartMetrics> = { ...NO_PROCESS_METRICS.starts };
  readonly #goneStateMs = perState(() => 0);
  #goneTransitions = 0;
  failedStarts = 0;
  restarts = 0;
  healthFailures = 0;
  resentCalls = 0;

  /** `log` is told when instances come to be in another way than was asked for: once for each reason in a row. */
  constructor(log: (message: string) => void) {
    this.#log = log;
  }

  came({ origin, insteadBecause }: LaunchedProcess, way: LinkWay, { spawnMs, readyMs }: StartPhases): void {
    this.#way = way;
    this.#starts[origin] = addStarts(this.#starts[origin], oneStart(spawnMs, readyMs));
    if (insteadBecause !== null && insteadBecause !== this.#insteadBecause) {
      this.#log(`Its instances are ${origin}, not as its settings ask: ${insteadBecause}`);
    }
    this.#insteadBecause = insteadBecause;
  }

  gone(states: StateRecord, nowMs: number): void {
    for (const state of INSTANCE_STATES) this.#goneStateMs[state] += states.timeInMs(state, nowMs);
    this.#goneTransitions += states.transitionCount;
  }

  metrics(pools: readonly PoolNow[], nowMs: number): ProcessMetrics {
    const living = pools.flatMap(({ states }) => [...states]);
    const { failedStarts, restarts, healthFailures, resentCalls } = this;
    return {
      way: this.#way,
      insteadBecause: this.#insteadBecause,
      instances: perState((state) => living.filter((one) => one.state === state).length),
      busyInstances: pools.reduce((sum, one) => sum + one.busyInstances, 0),
      waitingCalls: pools.reduce((sum, one) => sum + one.waitingCalls, 0),
      stateMs: perState((state) => living.reduce((sum, one) => sum + one.timeInMs(state, nowMs), this.#goneStateMs[state])),
      transitions: living.reduce((sum, one) => sum + one.transitionCount, this.#goneTransitions),
      starts: { ...this.#starts },
      failedStarts,
      restarts,
      healthFailures,
      resentCalls,
    };
  }
}
