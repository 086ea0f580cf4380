/**
 * WorkerCounts: what the workers have counted, as of the last time each was
 * asked, and what those that are gone had counted before. Asking happens when
 * somebody looks (a scrape, `stats`), never on a timer. Also carries the other
 * question a worker answers: a profile.
 */
import type { Failure } from "../base/result.ts";
import { bury, type Totals, totalsOf } from "../telemetry/aggregate.ts";
import type { MetricsSnapshot } from "../telemetry/metrics.ts";
import { Inquiries } from "./inquiries.ts";
import type { FromWorker } from "./messages.ts";
import type { WorkerProcess } from "./worker-process.ts";

const COLLECT_TIMEOUT_MS = 1_000;
/** On top of the recording itself: stopping and serialising a profile takes a while. */
const PROFILE_EXTRA_MS = 30_000;

export interface ProfileRequest {
  readonly functionId: string;
  readonly kind: "cpu" | "heap";
  readonly durationMs: number;
}

export class WorkerCounts {
  readonly #inquiries = new Inquiries();
  readonly #latest = new Map<WorkerProcess, MetricsSnapshot>();
  #departed: MetricsSnapshot | null = null;

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

  async profile(
    worker: WorkerProcess,
    request: ProfileRequest,
  ): Promise<{ readonly profile: string | null; readonly failure: Failure | null }> {
    const question = (requestId: number) => ({ type: "profile", requestId, ...request }) as const;
    const answer = await this.#inquiries.ask(worker, question, request.durationMs + PROFILE_EXTRA_MS);
    if (answer?.type === "profiled") return answer;
    const message = `Cannot profile ${request.functionId}: its worker ended or did not answer`;
    return { profile: null, failure: { code: "PROFILE_FAILED", message, hint: "Try again; the server's log says why a worker ended" } };
  }

  answered(worker: WorkerProcess, answer: Extract<FromWorker, { requestId: number }>): void {
    // Also unasked: a worker's last counts come as it leaves.
    if (answer.type === "collected" && !worker.exited) this.#latest.set(worker, answer.metrics);
    this.#inquiries.answered(worker, answer);
  }

  gone(worker: WorkerProcess): void {
    this.#inquiries.gone(worker);
    const last = this.#latest.get(worker);
    this.#latest.delete(worker);
    if (last !== undefined) this.#departed = bury(this.#departed, last);
  }
}
