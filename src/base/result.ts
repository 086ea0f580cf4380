/**
 * Result: an expected failure is a value, not a throw.
 * `Failure` carries a public code (never renamed), what happened to what,
 * and what the reader can do about it. Throwing is left for our own bugs.
 */
export interface Failure {
  /** Stable, SCREAMING_SNAKE, public: tests, logs and metrics rely on it. */
  readonly code: string;
  /** The action that failed, then the state: "Cannot read x.yaml: no such file". */
  readonly message: string;
  /** What to do about it, in one line. */
  readonly hint?: string;
  /** File position, when the failure has one (lines and columns count from 1). */
  readonly at?: { readonly file: string; readonly line?: number; readonly column?: number };
}

export type Result<Value, Fault = Failure> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly failure: Fault };

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function fail<Fault>(failure: Fault): { readonly ok: false; readonly failure: Fault } {
  return { ok: false, failure };
}
