/**
 * The generator's judgement of itself: did it send what was asked, when it was
 * asked, and does it know what was answered? A generator that was the bottleneck measured itself, and its figures
 * must not be taken for the server's. Pure.
 */
import type { Audit } from "./result.ts";

export interface AuditFacts extends Omit<Audit, "invalidBecause"> {
  readonly isOpenLoop: boolean;
  readonly isInterrupted: boolean;
  /** The server answered less than was due. */
  readonly hasBacklog: boolean;
  /** Times that bytes came which no request had asked for. */
  readonly strayCount: number;
  readonly medianLatencyUs: number;
  readonly threadCount: number;
  readonly answeredCount: number;
  readonly durationMs: number;
}

const BUSY_OPEN = 0.9;
/** A closed loop may fill its threads for a moment; at this they were what limited it. */
const BUSY_CLOSED = 0.97;
const LATENESS_MAX_US = 1_000;
const LATENESS_MAX_OF_MEDIAN = 0.1;
const DROPPED_MAX = 0.01;
/** Share of the time in which the event loop stood still; what arrived then was timed too late, and shows in quantiles above the rest. */
const STALLED_MAX = 0.02;
const US_PER_MS = 1_000;

/** A sentence for each reason not to trust the run. */
export function findBottlenecks(facts: AuditFacts): string[] {
  const reasons: string[] = [];
  if (facts.answeredCount === 0) return reasons;
  if (facts.strayCount > 0) {
    reasons.push(
      `The server sent bytes that no request had asked for (${facts.strayCount} times): an answer may have been taken for that of another request.`,
    );
  }
  const latenessMaxUs = Math.max(LATENESS_MAX_US, facts.medianLatencyUs * LATENESS_MAX_OF_MEDIAN);
  const isLate = facts.lateness.count > 0 && facts.lateness.p99Us > latenessMaxUs;
  const busy = `${Math.round(facts.threadUtilization * 100)}%`;
  // No names of flags: `bench ab` says these sentences too, and has others.
  const moreThreads = `use more than ${facts.threadCount} load ${facts.threadCount === 1 ? "thread" : "threads"} on free cores`;
  if (facts.isOpenLoop) {
    if (isLate && facts.threadUtilization > BUSY_OPEN)
      reasons.push(`The load threads were ${busy} busy and sent late: ${moreThreads}, or a lower rate.`);
    else if (isLate) {
      reasons.push(
        `Requests left late though a connection was free: p99 ${describeMs(facts.lateness.p99Us)}, more than ${describeMs(latenessMaxUs)}: something else took the processor; pin the generator or quieten the machine.`,
      );
    }
    reasons.push(...shortfall(facts));
  } else if (facts.threadUtilization > BUSY_CLOSED) {
    reasons.push(
      `The load threads were ${busy} busy: requests per second are the generator's own limit, not the server's: ${moreThreads}.`,
    );
  }
  const stalled =
    facts.durationMs > 0 ? (facts.eventLoopLag.meanUs * facts.eventLoopLag.count) / (facts.durationMs * US_PER_MS * facts.threadCount) : 0;
  if (stalled > STALLED_MAX) {
    reasons.push(
      `The generator's event loop stood still for ${(stalled * 100).toFixed(1)}% of the time: answers that came meanwhile were timed too late: ${moreThreads}, or quieten the machine.`,
    );
  }
  return reasons;
}

/** What queues up behind a server that answers less than is due is the server's, however much of it is left at the end. */
function shortfall({ isInterrupted, hasBacklog, dueCount, droppedCount }: AuditFacts): string[] {
  if (isInterrupted || hasBacklog || droppedCount <= dueCount * DROPPED_MAX) return [];
  return [
    `${droppedCount} of ${dueCount} requests that fell due were never sent, because no connection was free, though the server kept pace: use more connections.`,
  ];
}

function describeMs(us: number): string {
  return us < 10_000 ? `${(us / 1_000).toFixed(2)} ms` : `${Math.round(us / 1_000)} ms`;
}
