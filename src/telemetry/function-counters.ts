/**
 * Function counters: what one function did in one worker, as plain numbers.
 * `answered` is on the hot path, once per request; nothing here allocates
 * after the first answer of each status.
 */
import { LATENCY_BUCKET_BOUNDS_US, type StatusMetrics } from "./metrics.ts";

/** One for each bound, and one for what passes the last. */
const BUCKET_COUNT = LATENCY_BUCKET_BOUNDS_US.length + 1;

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
  readonly coldStartBuckets = new Float64Array(BUCKET_COUNT);
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
    (counter.buckets[bucketOf(latencyUs)] as number)++;
  }

  coldStart(durationUs: number): void {
    this.coldStarts++;
    this.coldStartSumUs += durationUs;
    (this.coldStartBuckets[bucketOf(durationUs)] as number)++;
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
      counter = { status, count: 0, latencySumUs: 0, buckets: new Float64Array(BUCKET_COUNT) };
      this.#byStatus.set(status, counter);
    }
    this.#last = counter;
    return counter;
  }
}

function bucketOf(durationUs: number): number {
  let bucket = 0;
  while (bucket < LATENCY_BUCKET_BOUNDS_US.length && durationUs > (LATENCY_BUCKET_BOUNDS_US[bucket] as number)) bucket++;
  return bucket;
}
