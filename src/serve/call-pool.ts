/**
 * Call pool: at most `size` calls of one function at a time in this worker,
 * and a bounded first-in first-out wait for a place. The wait is short by
 * design (5 ms): past it a quick 503 serves the client better than a queue
 * that grows. Source of the behaviour and the metrics line: the zigttp page.
 */
import type { PoolMetrics } from "../telemetry/metrics.ts";

/** Beyond this many waiting, new calls are refused at once, whatever the time-out. */
const WAITING_PER_PLACE_MAX = 16;

/** Somebody who wants a place: exactly one of the two is called, once. */
export interface PoolClient {
  /** Nobody waits for the answer any more: it must not be given a place. */
  readonly gone: boolean;
  granted(): void;
  refused(): void;
}

interface Waiting {
  readonly client: PoolClient;
  readonly sinceMs: number;
}

export class CallPool {
  readonly size: number;
  inUse = 0;
  readonly #waitTimeoutMs: number;
  /** Oldest first; all wait equally long, so one timer for the head is enough. */
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | null = null;
  exhausted = 0;
  waitCount = 0;
  waitSumUs = 0;
  waitMaxUs = 0;
  execCount = 0;
  execSumUs = 0;
  execMaxUs = 0;

  constructor(size: number, waitTimeoutMs: number) {
    this.size = size;
    this.#waitTimeoutMs = waitTimeoutMs;
  }

  enter(client: PoolClient): void {
    if (this.inUse < this.size && this.#waiting.length === 0) {
      this.inUse++;
      client.granted();
      return;
    }
    this.exhausted++;
    if (this.#waitTimeoutMs === 0 || this.#waiting.length >= this.size * WAITING_PER_PLACE_MAX) {
      client.refused();
      return;
    }
    this.#waiting.push({ client, sinceMs: performance.now() });
    this.#timer ??= setTimeout(() => this.#expire(), this.#waitTimeoutMs);
  }

  /** A call has ended after `execUs`; its place goes to whoever waits longest. */
  leave(execUs: number): void {
    this.inUse--;
    this.execCount++;
    this.execSumUs += execUs;
    if (execUs > this.execMaxUs) this.execMaxUs = execUs;
    // A microtask: a place may be given back within a turn, where no other may begin.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#grantNext());
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  metrics(): PoolMetrics {
    const { inUse, size, waitingCount, exhausted, waitCount, waitSumUs, waitMaxUs, execCount, execSumUs, execMaxUs } = this;
    return { inUse, size, waiting: waitingCount, exhausted, waitCount, waitSumUs, waitMaxUs, execCount, execSumUs, execMaxUs };
  }

  /** "Pool metrics: …", word for word as the zigttp page has it. */
  metricsLine(): string {
    const mean = (sum: number, count: number): number => (count === 0 ? 0 : Math.round(sum / count));
    return (
      `Pool metrics: in_use=${this.inUse}/${this.size} exhausted=${this.exhausted}` +
      ` avg_wait_us=${mean(this.waitSumUs, this.waitCount)} max_wait_us=${Math.round(this.waitMaxUs)}` +
      ` avg_exec_us=${mean(this.execSumUs, this.execCount)} max_exec_us=${Math.round(this.execMaxUs)}`
    );
  }

  #grantNext(): void {
    while (this.#waiting.length > 0 && this.inUse < this.size) {
      const { client, sinceMs } = this.#waiting.shift() as Waiting;
      this.#waited(sinceMs);
      if (client.gone) continue;
      this.inUse++;
      client.granted();
    }
  }

  #expire(): void {
    this.#timer = null;
    const nowMs = performance.now();
    while (this.#waiting.length > 0) {
      const leftMs = (this.#waiting[0] as Waiting).sinceMs + this.#waitTimeoutMs - nowMs;
      // A timer may ring a fraction of a millisecond early.
      if (leftMs > 1) {
        this.#timer = setTimeout(() => this.#expire(), leftMs);
        return;
      }
      const { client, sinceMs } = this.#waiting.shift() as Waiting;
      this.#waited(sinceMs);
      if (!client.gone) client.refused();
    }
  }

  #waited(sinceMs: number): void {
    const waitUs = (performance.now() - sinceMs) * 1_000;
    this.waitCount++;
    this.waitSumUs += waitUs;
    if (waitUs > this.waitMaxUs) this.waitMaxUs = waitUs;
  }
}
