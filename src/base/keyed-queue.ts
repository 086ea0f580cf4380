/**
 * Keyed queue: work for one key happens one after the other, for different keys
 * side by side. What is asked for while nothing waits starts at once.
 */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<Value>(key: string, work: () => Promise<Value>): Promise<Value> {
    const before = this.#tails.get(key);
    const done = before === undefined ? work() : before.then(work, work);
    this.#tails.set(key, done);
    const leave = () => {
      if (this.#tails.get(key) === done) this.#tails.delete(key);
    };
    done.then(leave, leave);
    return done;
  }

  /** Resolves when nothing is under way; what is added meanwhile is waited for, too. */
  async idle(): Promise<void> {
    while (this.#tails.size > 0) await Promise.allSettled(this.#tails.values());
  }
}
