/**
 * WorkerCounts: what the workers have counted, as of the last time each was
 * asked, and what those that are gone had counted before. Asking happens when
 * somebody looks (a scrape, `stats`), never on a timer.
 */
import { bury, type Totals, totalsOf } from "../telemetry/aggregate.ts";
import type { MetricsSnapshot } from "../telemetry/metrics.ts";
import type { Inquiries } from "./inquiries.ts";
import type { WorkerProcess } from "./worker-process.ts";

const COLLECT_TIMEOUT_MS = 1_000;

export class WorkerCounts {
  readonly #inquiries: Inquiries;
  readonly #latest = new Map<WorkerProcess, MetricsSnapshot>();
  #departed: MetricsSnapshot | null = null;

  constructor(inquiries: Inquiries) {
    this.#inquiries = inquiries;
  }

  /** Asks these workers; one that does not answer in time keeps its older counts. */
  async collect(workers: readonly WorkerProcess[]): Promise<void> {
    await Promise.all(
      workers.map((worker) => this.#inquiries.ask(worker, (requestId) => ({ type: "collect", requestId }), COLLECT_TIMEOUT_MS)),
    );
  }

  totals(): Totals {
    return totalsOf(this.#departed === null ? [...this.#latest.values()] : [this.#departed, ...this.#latest.values()]);
  }

  latestOf(worker: WorkerProcess): MetricsSnapshot | null {
    return this.#latest.get(worker) ?? null;
  }

  /** Calls this worker has answered; null when it does not say. */
  async callCount(worker: WorkerProcess | null): Promise<number | null> {
    if (worker === null) return null;
    await this.collect([worker]);
    const snapshot = this.#latest.get(worker);
    if (snapshot === undefined) return null;
    return snapshot.functions.reduce((sum, { byStatus }) => sum + byStatus.reduce((calls, { count }) => calls + count, 0), 0);
  }

  /** Also unasked: a worker's last counts come as it leaves. */
  collected(worker: WorkerProcess, metrics: MetricsSnapshot): void {
    if (!worker.exited) this.#latest.set(worker, metrics);
  }

  gone(worker: WorkerProcess): void {
    const last = this.#latest.get(worker);
    this.#latest.delete(worker);
    if (last !== undefined) this.#departed = bury(this.#departed, last);
  }
}
