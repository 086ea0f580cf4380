/**
 * Jobs as the supervisor sees them: it runs none, but passes on that some wait,
 * counts what became of others, and has the desk for the operator. What it counts
 * begins anew with the server; what the table holds does not.
 */

import { JobDesk } from "./job-desk.ts";
import type { JobEvent } from "./job-runner.ts";

interface Slot {
  readonly worker: { send(message: { readonly type: "jobs" }): boolean } | null;
}

export class SupervisorJobs {
  readonly desk: JobDesk;
  readonly #slots: readonly Slot[];
  readonly #counts = { done: 0, retried: 0, dead: 0 };

  /** `slots` are those whose workers run jobs. */
  constructor(dataDir: string, slots: readonly Slot[]) {
    this.#slots = slots;
    this.desk = new JobDesk(dataDir, () => this.#wake());
  }

  heard(event: JobEvent): void {
    if (event === "waiting") this.#wake();
    else this.#counts[event]++;
  }

  /** Prometheus text format. */
  async metrics(): Promise<string> {
    const [counts, { renderJobMetrics }] = await Promise.all([this.desk.counts(), import("./job-metrics.ts")]);
    return renderJobMetrics(counts.ok ? counts.value : [], this.#counts);
  }

  close(): Promise<void> {
    return this.desk.close();
  }

  #wake(): void {
    for (const { worker } of this.#slots) worker?.send({ type: "jobs" });
  }
}
