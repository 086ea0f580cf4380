/**
 * Pool plan: how many instances to start, and which idle ones to stop. Pure: the
 * pool says what is, acts on the answer, and looks again when told to.
 */

/** A call that waits this long behind busy instances is worth another one: a start costs more than most calls. */
export const SCALE_UP_WAIT_MS = 10;

export interface PoolFacts {
  readonly instanceMin: number;
  readonly instanceMax: number;
  /** Calls that one instance takes at a time. */
  readonly concurrency: number;
  /** Every call gets an instance of its own: those that are busy won't take another. */
  readonly isOneCallEach: boolean;
  /** Ready, and of use for calls to come. */
  readonly runningCount: number;
  readonly startingCount: number;
  /** On their way out: they take no calls and still use memory. */
  readonly leavingCount: number;
  readonly waitingCount: number;
  /** How long the first in line has waited. */
  readonly waitedMs: number;
}

export interface StartPlan {
  readonly startCount: number;
  /** Look again then, if nothing happens before. */
  readonly againInMs: number | null;
}

export function planStarts(facts: PoolFacts): StartPlan {
  const { instanceMin, instanceMax, concurrency, runningCount, startingCount, leavingCount, waitingCount, waitedMs } = facts;
  const presentCount = runningCount + startingCount;
  const perInstance = facts.isOneCallEach ? 1 : concurrency;
  const uncoveredCount = Math.max(0, waitingCount - startingCount * perInstance);
  const forCalls = Math.ceil(uncoveredCount / perInstance);
  const mayWait = runningCount > 0 && !facts.isOneCallEach && waitedMs < SCALE_UP_WAIT_MS;
  const wanted = Math.max(instanceMin - presentCount, mayWait ? 0 : forCalls, 0);
  // Those that leave are gone within a bounded time; until then they may be as many again, and no more.
  const room = Math.min(instanceMax - presentCount, 2 * instanceMax - presentCount - leavingCount);
  const startCount = Math.max(0, Math.min(wanted, room));
  const isWaitOfUse = mayWait && forCalls > startCount && room > startCount;
  return { startCount, againInMs: isWaitOfUse ? SCALE_UP_WAIT_MS - waitedMs : null };
}

export interface IdleInstance {
  readonly idleSinceMs: number;
}

/** Those idle for too long, longest first, as long as the minimum stays. */
export function planStops<Idle extends IdleInstance>(
  idle: readonly Idle[],
  presentCount: number,
  { instanceMin, idleTimeoutMs }: { readonly instanceMin: number; readonly idleTimeoutMs: number },
  nowMs: number,
): readonly Idle[] {
  const spare = Math.max(0, presentCount - instanceMin);
  return idle
    .filter(({ idleSinceMs }) => nowMs - idleSinceMs >= idleTimeoutMs)
    .sort((left, right) => left.idleSinceMs - right.idleSinceMs)
    .slice(0, spare);
}
