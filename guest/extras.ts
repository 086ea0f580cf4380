/**
 * zigttp's additions to the language, for handlers written for it: range(n),
 * JSON.tryParse and Result.
 */

const RANGE_MAX = 10_000_000;

class ResultValue {
  readonly ok: boolean;
  readonly value: unknown;
  readonly error: unknown;

  constructor(ok: boolean, value: unknown, error: unknown) {
    this.ok = ok;
    if (ok) this.value = value;
    else this.error = error;
  }

  isOk(): boolean {
    return this.ok;
  }

  isErr(): boolean {
    return !this.ok;
  }

  unwrap(): unknown {
    if (!this.ok) throw new Error(`unwrap of an error: ${this.error instanceof Error ? this.error.message : String(this.error)}`);
    return this.value;
  }

  unwrapOr(fallback: unknown): unknown {
    return this.ok ? this.value : fallback;
  }

  unwrapErr(): unknown {
    if (this.ok) throw new Error("unwrapErr of a value");
    return this.error;
  }

  map(change: (value: unknown) => unknown): ResultValue {
    return this.ok ? Result.ok(change(this.value)) : this;
  }

  mapErr(change: (error: unknown) => unknown): ResultValue {
    return this.ok ? this : Result.err(change(this.error));
  }

  match(arms: { ok: (value: unknown) => unknown; err: (error: unknown) => unknown }): unknown {
    return this.ok ? arms.ok(this.value) : arms.err(this.error);
  }
}

export const Result = {
  ok: (value: unknown): ResultValue => new ResultValue(true, value, undefined),
  err: (error: unknown): ResultValue => new ResultValue(false, undefined, error),
};

/** The whole numbers from 0 to `end`, or from the first argument to the second, as an array. */
export function range(first: number, second?: number, step = 1): number[] {
  const [start, end] = second === undefined ? [0, first] : [first, second];
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (!(count <= RANGE_MAX)) throw new RangeError(`range: at most ${RANGE_MAX} numbers`);
  return Array.from({ length: count }, (_, index) => start + index * step);
}

export function tryParse(text: unknown): ResultValue {
  try {
    return Result.ok(JSON.parse(String(text)));
  } catch (error) {
    return Result.err((error as Error).message);
  }
}
