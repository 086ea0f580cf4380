/** The third argument of a handler. A file whose name begins with `_` is a module, not a function. */
export interface Context {
  /** What `[id]` and `[...path]` in the file's name have matched. */
  readonly params: Readonly<Record<string, string>>;
  /** Keeps working on this after the answer is sent. */
  waitUntil(promise: Promise<unknown>): void;
}
