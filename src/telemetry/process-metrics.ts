/**
 * Metrics of a process function: what its instances are doing, how they came to
 * be and what that cost. Plain data like the other metrics, added up over pools,
 * workers and what is gone. The names of states are those of the Aetherless
 * reference; what each means here is said in engines/process/pool/instance-state.ts.
 */
export const INSTANCE_STATES = ["Uninitialized", "WarmSnapshot", "Running", "Suspended"] as const;
export type InstanceState = (typeof INSTANCE_STATES)[number];

export const INSTANCE_ORIGINS = ["started", "forked", "restored", "deserialized"] as const;
export type InstanceOrigin = (typeof INSTANCE_ORIGINS)[number];

export interface ProcessMetrics {
  /** How it is called: ring, frames, http, stdio; null until its first start has told. */
  readonly way: string | null;
  /** Why the latest instance did not come to be in the way that was asked for; null when it did. */
  readonly insteadBecause: string | null;
  /** Instances now. */
  readonly instances: Readonly<Record<InstanceState, number>>;
  /** Of those that run: with a call. */
  readonly busyInstances: number;
  /** Calls that wait for an instance now. */
  readonly waitingCalls: number;
  /** Milliseconds that instances, those that are gone too, were in each state. */
  readonly stateMs: Readonly<Record<InstanceState, number>>;
  readonly transitions: number;
  /** Starts that came to READY (of a one-shot program: to an answer), by how the process came to be. */
  readonly starts: Readonly<Record<InstanceOrigin, StartMetrics>>;
  /** Starts that did not. */
  readonly failedStarts: number;
  /** Instances that ended by a fault after they had been ready: died, broke the protocol, did not answer. */
  readonly restarts: number;
  /** Idle instances found not to answer; they are among the restarts. */
  readonly healthFailures: number;
  /** Times that a call was given to another instance because its first was lost. */
  readonly resentCalls: number;
}

export interface StartMetrics {
  readonly count: number;
  /** Until the process existed. */
  readonly spawnSumMs: number;
  readonly spawnMaxMs: number;
  /** From there to READY. */
  readonly readySumMs: number;
  readonly readyMaxMs: number;
}

const NO_STARTS: StartMetrics = { count: 0, spawnSumMs: 0, spawnMaxMs: 0, readySumMs: 0, readyMaxMs: 0 };

export const NO_PROCESS_METRICS: ProcessMetrics = {
  way: null,
  insteadBecause: null,
  instances: perState(() => 0),
  busyInstances: 0,
  waitingCalls: 0,
  stateMs: perState(() => 0),
  transitions: 0,
  starts: { started: NO_STARTS, forked: NO_STARTS, restored: NO_STARTS, deserialized: NO_STARTS },
  failedStarts: 0,
  restarts: 0,
  healthFailures: 0,
  resentCalls: 0,
};

export function perState<Value>(read: (state: InstanceState) => Value): Record<InstanceState, Value> {
  return {
    Uninitialized: read("Uninitialized"),
    WarmSnapshot: read("WarmSnapshot"),
    Running: read("Running"),
    Suspended: read("Suspended"),
  };
}

export function oneStart(spawnMs: number, readyMs: number): StartMetrics {
  return { count: 1, spawnSumMs: spawnMs, spawnMaxMs: spawnMs, readySumMs: readyMs, readyMaxMs: readyMs };
}

export function addStarts(left: StartMetrics, right: StartMetrics): StartMetrics {
  return {
    count: left.count + right.count,
    spawnSumMs: left.spawnSumMs + right.spawnSumMs,
    spawnMaxMs: Math.max(left.spawnMaxMs, right.spawnMaxMs),
    readySumMs: left.readySumMs + right.readySumMs,
    readyMaxMs: Math.max(left.readyMaxMs, right.readyMaxMs),
  };
}

/** `right` is the later one: what can't be added up is taken from it. Null where neither is a process function. */
export function addProcessMetrics(left: ProcessMetrics | null, right: ProcessMetrics | null): ProcessMetrics | null {
  if (left === null || right === null) return left ?? right;
  return {
    way: right.way ?? left.way,
    insteadBecause: right.insteadBecause ?? left.insteadBecause,
    instances: perState((state) => left.instances[state] + right.instances[state]),
    busyInstances: left.busyInstances + right.busyInstances,
    waitingCalls: left.waitingCalls + right.waitingCalls,
    stateMs: perState((state) => left.stateMs[state] + right.stateMs[state]),
    transitions: left.transitions + right.transitions,
    starts: {
      started: addStarts(left.starts.started, right.starts.started),
      forked: addStarts(left.starts.forked, right.starts.forked),
      restored: addStarts(left.starts.restored, right.starts.restored),
      deserialized: addStarts(left.starts.deserialized, right.starts.deserialized),
    },
    failedStarts: left.failedStarts + right.failedStarts,
    restarts: left.restarts + right.restarts,
    healthFailures: left.healthFailures + right.healthFailures,
    resentCalls: left.resentCalls + right.resentCalls,
  };
}

/** What remains of a worker or a pool that is gone: its instances went with it. */
export function withoutInstances(metrics: ProcessMetrics | null): ProcessMetrics | null {
  return metrics === null ? null : { ...metrics, instances: perState(() => 0), busyInstances: 0, waitingCalls: 0 };
}
