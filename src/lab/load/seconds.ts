/**
 * The run second by second: what the threads send at the end of each is added
 * up, and quantiles are those of all threads together (an average of quantiles
 * is no quantile). Each is kept as the counts of its values: a day has 86,400
 * seconds, and a histogram for each of them would take a gigabyte.
 */
import { dueCount, type OpenArrivals } from "./arrival-times.ts";
import type { LoadPlan } from "./plan.ts";
import type { SecondPoint } from "./result.ts";
import type { ThreadSecond } from "./thread-messages.ts";
import { addCounts, countOf, quantileOfCounts, type ValueCounts } from "./value-counts.ts";

interface SecondSum {
  completedCount: number;
  failedCount: number;
  latency: ValueCounts;
}

const SECOND_MS = 1_000;
const NO_VALUES: ValueCounts = new Float64Array(0);

export class Seconds {
  readonly #seconds: SecondSum[] = [];

  add({ second, completedCount, failedCount, latency }: ThreadSecond): void {
    while (this.#seconds.length <= second) this.#seconds.push({ completedCount: 0, failedCount: 0, latency: NO_VALUES });
    const sum = this.#seconds[second]!;
    sum.completedCount += completedCount;
    sum.failedCount += failedCount;
    sum.latency = addCounts(sum.latency, latency);
  }

  /** Of the newest second; 0 before the first is over. */
  get latestP99Us(): number {
    return quantileOfCounts(this.#seconds.at(-1)?.latency ?? NO_VALUES, 0.99);
  }

  /** The latency of each. */
  get latencies(): ValueCounts[] {
    return this.#seconds.map(({ latency }) => latency);
  }

  /** `durationMs`: what falls due after it is nothing, though late answers may still come. */
  points(plan: LoadPlan, durationMs: number): SecondPoint[] {
    return this.#seconds.map(({ completedCount, failedCount, latency }, second) => ({
      second,
      targetCount: plan.arrivals.kind === "closed" ? null : targetOf(plan, plan.arrivals, second, durationMs),
      completedCount,
      failedCount,
      latencyCount: countOf(latency),
      medianUs: quantileOfCounts(latency, 0.5),
      p99Us: quantileOfCounts(latency, 0.99),
    }));
  }
}

function targetOf(plan: LoadPlan, arrivals: OpenArrivals, second: number, durationMs: number): number {
  const fromMs = second * SECOND_MS;
  return Math.round(dueCount({ ...plan, arrivals }, fromMs, Math.min(fromMs + SECOND_MS, durationMs)));
}
