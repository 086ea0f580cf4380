/**
 * Thread service: the thread's side of what thread-client.ts asks. Answers each
 * question when it has the answer, in whatever order; told to end, it first
 * answers what was asked before. A mistake of ours (a throw) ends the thread,
 * and with it what it had; the client tells why. Must not print.
 */
import { parentPort } from "node:worker_threads";

/** To the thread; null tells it to end. */
export interface ThreadQuestion<Question> {
  readonly id: number;
  readonly question: Question;
}

/** From the thread, in lists: what was done together is told together. */
export interface ThreadAnswer<Answer> {
  readonly id: number;
  readonly answer: Answer;
}

export interface ThreadService<Question, Answer> {
  answer(question: Question): Answer | Promise<Answer>;
  /** Buffers of an answer that are handed over, not copied. */
  buffersOf?(answer: Answer): ArrayBuffer[];
  /** Nothing is asked any more. */
  close?(): void | Promise<void>;
}

/** For threads whose client says `closesItself`, and for those that may be ended at any point. */
export function serveQuestions<Question, Answer>(service: ThreadService<Question, Answer>): void {
  const port = parentPort!;
  let underWay = 0;
  let isEnding = false;
  const endIfDone = async (): Promise<void> => {
    if (!isEnding || underWay > 0) return;
    await service.close?.();
    port.close();
  };
  port.on("message", async (asked: ThreadQuestion<Question> | null) => {
    if (asked === null) {
      isEnding = true;
    } else {
      underWay++;
      const answer = await service.answer(asked.question);
      const answered: ThreadAnswer<Answer> = { id: asked.id, answer };
      port.postMessage([answered], service.buffersOf?.(answer) ?? []);
      underWay--;
    }
    await endIfDone();
  });
}
