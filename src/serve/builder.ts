/**
 * Builder: answers the workers' `build` requests. One build of a function at a
 * time however many workers ask; what is wrong with a function is remembered
 * until its file changes or a reload, so that calls to it don't bundle it again
 * and again. What went wrong around it (a full disk) is not. Must not run in a
 * worker: bundling reads files that the function chose.
 */
import { stampOfPath } from "../base/file-stamp.ts";
import { type Failure, fail, type Result } from "../base/result.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";

export interface BuildOutcome {
  readonly bundle: BundleRef | null;
  readonly failure: Failure | null;
}

export interface BuilderWork {
  build(spec: FunctionSpec): Promise<Result<BundleRef>>;
  /** Whether it can be built; makes nothing ready for calls. */
  check(spec: FunctionSpec): Promise<Result<unknown>>;
}

export class Builder {
  readonly #work: BuilderWork;
  #running = new Map<string, Promise<BuildOutcome>>();
  readonly #failures = new Map<string, { readonly failure: Failure; readonly stamp: string }>();

  constructor(work: BuilderWork) {
    this.#work = work;
  }

  request(spec: FunctionSpec): Promise<BuildOutcome> {
    const known = this.#known(spec);
    if (known !== null) return Promise.resolve({ bundle: null, failure: known });
    const running = this.#running.get(spec.id);
    if (running !== undefined) return running;
    const work = this.#build(spec).finally(() => {
      if (this.#running.get(spec.id) === work) this.#running.delete(spec.id);
    });
    this.#running.set(spec.id, work);
    return work;
  }

  /** What a request would fail by, remembered as if there had been one; null when it would not. */
  async check(spec: FunctionSpec): Promise<Failure | null> {
    const known = this.#known(spec);
    if (known !== null) return known;
    const checked = await this.#try(spec, () => this.#work.check(spec));
    return checked.ok ? null : checked.failure;
  }

  failureOf(functionId: string): Failure | null {
    return this.#failures.get(functionId)?.failure ?? null;
  }

  /** New code may be on disk: nothing known of failures holds, and a running build is of the old code. */
  reset(): void {
    this.#failures.clear();
    this.#running = new Map();
  }

  async #build(spec: FunctionSpec): Promise<BuildOutcome> {
    const built = await this.#try(spec, () => this.#work.build(spec));
    return built.ok ? { bundle: built.value, failure: null } : { bundle: null, failure: built.failure };
  }

  /** Null as well when the file is another one now. */
  #known(spec: FunctionSpec): Failure | null {
    const known = this.#failures.get(spec.id);
    if (known === undefined) return null;
    if (known.stamp === fileStamp(spec.file)) return known.failure;
    this.#failures.delete(spec.id);
    return null;
  }

  async #try<Value>(spec: FunctionSpec, work: () => Promise<Result<Value>>): Promise<Result<Value>> {
    // Taken before the build: a file saved meanwhile counts as changed.
    const stamp = fileStamp(spec.file);
    const running = this.#running;
    let result: Result<Value>;
    try {
      result = await work();
    } catch (error) {
      const message = `Cannot build ${spec.id}: ${(error as Error).message}`;
      return fail({ code: "BUILD_FAILED", message, hint: "Mend that; the next call tries again" });
    }
    if (!result.ok && running === this.#running) this.#failures.set(spec.id, { failure: result.failure, stamp });
    return result;
  }
}

/** Tells one version of a file from the next without reading it; "" for code that is no file. */
export function fileStamp(file: string): string {
  return file === "" ? "" : stampOfPath(file);
}
