/**
 * Inquiries: questions to a worker that expect an answer (collect, profile, deploy),
 * each with a deadline. A worker that is stuck or dies answers null; whoever
 * asks must not wait for it longer than it said.
 */
import type { FromWorker, ToWorker } from "./messages.ts";
import type { WorkerProcess } from "./worker-process.ts";

type Answer = Extract<FromWorker, { requestId: number }>;

export class Inquiries {
  readonly #waiting = new Map<number, { readonly worker: WorkerProcess; readonly resolve: (answer: Answer | null) => void }>();
  #count = 0;

  ask(worker: WorkerProcess, question: (requestId: number) => ToWorker, timeoutMs: number): Promise<Answer | null> {
    const requestId = ++this.#count;
    return new Promise((resolve) => {
      const deadline = setTimeout(() => this.#settle(requestId, null), timeoutMs);
      this.#waiting.set(requestId, {
        worker,
        resolve(answer) {
          clearTimeout(deadline);
          resolve(answer);
        },
      });
      if (!worker.isConnected) this.#settle(requestId, null);
      else worker.send(question(requestId));
    });
  }

  answered(worker: WorkerProcess, answer: Answer): void {
    if (this.#waiting.get(answer.requestId)?.worker === worker) this.#settle(answer.requestId, answer);
  }

  gone(worker: WorkerProcess): void {
    for (const [requestId, waiting] of this.#waiting) if (waiting.worker === worker) this.#settle(requestId, null);
  }

  #settle(requestId: number, answer: Answer | null): void {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    waiting?.resolve(answer);
  }
}
