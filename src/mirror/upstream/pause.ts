/** A wait that an abort ends early. The clock may be another's: tests hand in a sleep that takes no time. */
export type Sleep = (ms: number) => Promise<void>;

/** `sleep` null is the system's timer. Resolves after `ms`, or as soon as one of the signals is aborted. */
export function pause(ms: number, signals: readonly (AbortSignal | undefined)[], sleep: Sleep | null): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal?.removeEventListener("abort", end);
      resolve();
    };
    if (signals.some((signal) => signal?.aborted)) return resolve();
    for (const signal of signals) signal?.addEventListener("abort", end, { once: true });
    if (sleep === null) timer = setTimeout(end, ms);
    else sleep(ms).then(end, end);
  });
}

/** `begun`, or a rejection as soon as the signal is aborted: then `leftover` gets what still comes. */
export function unlessAborted<Value>(begun: Promise<Value>, signal: AbortSignal, leftover: (value: Value) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      begun.then(leftover, () => {});
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    begun.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
