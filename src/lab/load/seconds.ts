/**
 * The run second by second: what the threads send at the end of each is added
 * up, and quantiles are those of all threads together (an average of quantiles
 * is no quantile).
 */
import { dueCount, type OpenArrivals } from "./arrival-times.ts";
import { UsHistogram } from "./histogram.ts";
import type { LoadPlan } from "./plan.ts";
import type { SecondPoint } from "./result.ts";
import type { ThreadSecond } from "./thread-messages.ts";
import type { ValueCounts } from "./value-counts.ts";

interface OpenSecond {
  completedCount: number;
  failedCount: number;
  readonly latency: UsHistogram;
}

const SECOND_MS = 1_000;

export class Seconds {
  readonly #seconds: OpenSecond[] = [];

  add({ second, completedCount, failedCount, latency }: ThreadSecond): void {
    while (this.#seconds.length <= second) this.#seconds.push({ completedCount: 0, failedCount: 0, latency: UsHistogram.coarse() });
    const sum = this.#seconds[second]!;
    sum.completedCount += completedCount;
    sum.failedCount += failedCount;
    sum.latency.add(latency);
  }

  /** Of the newest second; 0 before the first is over. */
  get latestP99Us(): number {
    return this.#seconds.at(-1)?.latency.quantileUs(0.99) ?? 0;
  }

  /** The latency of each. */
  get latencies(): ValueCounts[] {
    return this.#seconds.map(({ latency }) => latency.toValueCounts());
  }

  /** `durationMs`: what falls due after it is nothing, though late answers may still come. */
  points(plan: LoadPlan, durationMs: number): SecondPoint[] {
    return this.#seconds.map(({ completedCount, failedCount, latency }, second) => ({
      second,
      targetCount: plan.arrivals.kind === "closed" ? null : targetOf(plan, plan.arrivals, second, durationMs),
      completedCount,
      failedCount,
      latencyCount: latency.count,
      medianUs: latency.quantileUs(0.5),
      p99Us: latency.quantileUs(0.99),
    }));
  }
}

function targetOf(plan: LoadPlan, arrivals: OpenArrivals, second: number, durationMs: number): number {
  const fromMs = second * SECOND_MS;
  return Math.round(dueCount({ ...plan, arrivals }, fromMs, Math.min(fromMs + SECOND_MS, durationMs)));
}
