/**
 * Passwords on their way to the thread that checks them: one at a time, the
 * users in turn, so that a flood of guesses at one name delays that name and
 * hardly the others. What is over the bounds is refused at once ("busy"): a
 * queue that grows would be the attack's success.
 */
import { ThreadClient } from "../../base/thread-client.ts";
import type { PasswordHash } from "./htpasswd.ts";
import type { PasswordQuestion } from "./password-thread.ts";

const USER_WAITING_MAX = 4;
const WAITING_MAX = 200;
const HEAP_MAX_MIB = 64;

export type Checked = "right" | "wrong" | "busy";

export interface PasswordQueue {
  check(user: string, password: string, hash: PasswordHash): Promise<Checked>;
  close(): Promise<void>;
}

interface Waiting {
  readonly question: PasswordQuestion;
  settle(checked: Checked): void;
}

export class ThreadQueue implements PasswordQueue {
  readonly #thread = new ThreadClient<PasswordQuestion, boolean>({ program: "mirror/clients/password-thread", heapMaxMib: HEAP_MAX_MIB });
  /** By user. Insertion order is whose turn it is: who was served goes to the end. */
  readonly #waiting = new Map<string, Waiting[]>();
  #waitingCount = 0;
  #isChecking = false;

  check(user: string, password: string, hash: PasswordHash): Promise<Checked> {
    const queue = this.#waiting.get(user) ?? [];
    const isFull = queue.length >= USER_WAITING_MAX || this.#waitingCount >= WAITING_MAX;
    if (isFull || this.#thread.isClosed) return Promise.resolve("busy");
    const { promise, resolve } = Promise.withResolvers<Checked>();
    queue.push({ question: { password, hash }, settle: resolve });
    this.#waiting.set(user, queue);
    this.#waitingCount++;
    void this.#next();
    return promise;
  }

  async close(): Promise<void> {
    for (const queue of this.#waiting.values()) for (const one of queue) one.settle("busy");
    this.#waiting.clear();
    this.#waitingCount = 0;
    await this.#thread.close();
  }

  async #next(): Promise<void> {
    const [turn] = this.#waiting;
    if (this.#isChecking || turn === undefined) return;
    const [user, queue] = turn;
    const one = queue.shift()!;
    this.#waitingCount--;
    this.#waiting.delete(user);
    if (queue.length > 0) this.#waiting.set(user, queue);
    this.#isChecking = true;
    const asked = await this.#thread.ask(one.question);
    this.#isChecking = false;
    // Without an answer nobody is let in.
    one.settle(asked.ok ? (asked.value ? "right" : "wrong") : "busy");
    void this.#next();
  }
}
