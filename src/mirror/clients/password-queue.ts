/**
 * Passwords on their way to the thread that checks them: one at a time, the
 * users in turn, so that a flood of guesses at one name delays that name and
 * hardly the others. What is over the bounds is refused at once ("busy"): a
 * queue that grows would be the attack's success. The thread is started by the
 * first question, and again after it was lost.
 */
import type { Worker } from "node:worker_threads";
import { builtin } from "../../base/builtin.ts";
import { programFile } from "../../base/package-files.ts";
import type { PasswordHash } from "./htpasswd.ts";
import type { PasswordAnswer, PasswordQuestion } from "./password-thread.ts";

const USER_WAITING_MAX = 4;
const WAITING_MAX = 200;
const HEAP_MAX_MIB = 64;

export type Checked = "right" | "wrong" | "busy";

export interface PasswordQueue {
  check(user: string, password: string, hash: PasswordHash): Promise<Checked>;
  close(): Promise<void>;
}

interface Waiting {
  readonly password: string;
  readonly hash: PasswordHash;
  settle(checked: Checked): void;
}

export class ThreadQueue implements PasswordQueue {
  /** By user. Insertion order is whose turn it is: who was served goes to the end. */
  readonly #waiting = new Map<string, Waiting[]>();
  #waitingCount = 0;
  #underWay: Waiting | null = null;
  #worker: Worker | null = null;
  #questionCount = 0;
  #closed = false;

  check(user: string, password: string, hash: PasswordHash): Promise<Checked> {
    const queue = this.#waiting.get(user) ?? [];
    if (this.#closed || queue.length >= USER_WAITING_MAX || this.#waitingCount >= WAITING_MAX) return Promise.resolve("busy");
    const { promise, resolve } = Promise.withResolvers<Checked>();
    queue.push({ password, hash, settle: resolve });
    this.#waiting.set(user, queue);
    this.#waitingCount++;
    this.#next();
    return promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const queue of this.#waiting.values()) for (const one of queue) one.settle("busy");
    this.#waiting.clear();
    this.#waitingCount = 0;
    await this.#worker?.terminate();
  }

  #next(): void {
    if (this.#underWay !== null) return;
    const [turn] = this.#waiting;
    if (turn === undefined) {
      // An idle queue keeps no process alive.
      this.#worker?.unref();
      return;
    }
    const [user, queue] = turn;
    const one = queue.shift()!;
    this.#waitingCount--;
    this.#waiting.delete(user);
    if (queue.length > 0) this.#waiting.set(user, queue);
    this.#underWay = one;
    this.#worker ??= this.#started();
    this.#worker.ref();
    const { password, hash } = one;
    this.#worker.postMessage({ id: ++this.#questionCount, password, hash } satisfies PasswordQuestion);
  }

  #started(): Worker {
    const worker = new builtin.workerThreads.Worker(programFile("mirror/clients/password-thread"), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MAX_MIB },
    });
    worker.on("message", ({ id, isRight }: PasswordAnswer) => {
      if (id === this.#questionCount) this.#settle(isRight ? "right" : "wrong");
    });
    // What it was lost by is told by the question that gets no answer: nobody is let in.
    worker.on("error", () => {});
    worker.on("exit", () => {
      if (this.#worker === worker) this.#worker = null;
      this.#settle("busy");
    });
    return worker;
  }

  #settle(checked: Checked): void {
    const one = this.#underWay;
    this.#underWay = null;
    one?.settle(checked);
    if (!this.#closed) this.#next();
  }
}
