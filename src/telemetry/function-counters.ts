/**
 * Function counters: what one function did in one worker, as plain numbers.
 * `answered` is on the hot path, once per request; nothing here allocates
 * after the first answer of each status.
 */
import { LATENCY_BUCKET_BOUNDS_US, type StatusMetrics } from "./metrics.ts";

interface StatusCounter {
  readonly status: number;
  count: number;
  latencySumUs: number;
  readonly buckets: Float64Array;
}

export class FunctionCounters {
  coldStarts = 0;
  coldStartSumUs = 0;
  coldStartMaxUs = 0;
  timeouts = 0;
  cpuTimeouts = 0;
  outOfMemory = 0;
  evictions = 0;
  errors = 0;
  readonly #byStatus = new Map<number, StatusCounter>();
  /** Nearly all answers have the status of the one before. */
  #last: StatusCounter | null = null;

  answered(status: number, latencyUs: number): void {
    const counter = this.#last !== null && this.#last.status === status ? this.#last : this.#counterOf(status);
    counter.count++;
    counter.latencySumUs += latencyUs;
    let bucket = 0;
    while (bucket < LATENCY_BUCKET_BOUNDS_US.length && latencyUs > (LATENCY_BUCKET_BOUNDS_US[bucket] as number)) bucket++;
    (counter.buckets[bucket] as number)++;
  }

  coldStart(durationUs: number): void {
    this.coldStarts++;
    this.coldStartSumUs += durationUs;
    if (durationUs > this.coldStartMaxUs) this.coldStartMaxUs = durationUs;
  }

  byStatus(): StatusMetrics[] {
    return [...this.#byStatus.values()].map(({ status, count, latencySumUs, buckets }) => ({
      status,
      count,
      latencySumUs,
      latencyBuckets: [...buckets],
    }));
  }

  #counterOf(status: number): StatusCounter {
    let counter = this.#byStatus.get(status);
    if (counter === undefined) {
      counter = { status, count: 0, latencySumUs: 0, buckets: new Float64Array(LATENCY_BUCKET_BOUNDS_US.length + 1) };
      this.#byStatus.set(status, counter);
    }
    this.#last = counter;
    return counter;
  }
}
