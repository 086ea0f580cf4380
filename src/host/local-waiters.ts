/**
 * Local waiters: who in this process waits for a lock, in the order they came. A
 * release here wakes the first; a release elsewhere is noticed by asking again.
 */
export class LocalWaiters {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves after `ms`, or earlier when `name` may be free. */
  wait(name: string, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const all = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, all);
    const wake = (): void => {
      clearTimeout(timer);
      all.delete(wake);
      if (all.size === 0 && this.#waiting.get(name) === all) this.#waiting.delete(name);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    all.add(wake);
    return promise;
  }

  wakeFirst(name: string): void {
    this.#waiting.get(name)?.values().next().value?.();
  }
}
