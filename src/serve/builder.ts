/**
 * Builder: answers the workers' `build` requests. One build of a function at a
 * time however many workers ask; what is wrong with a function is remembered
 * until its file changes or a reload, so that calls to it don't bundle it again
 * and again. What went wrong around it (a full disk) is not. Must not run in a
 * worker: bundling reads files that the function chose.
 */
import { statSync } from "node:fs";
import type { Failure, Result } from "../base/result.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";

export interface BuildOutcome {
  readonly bundle: BundleRef | null;
  readonly failure: Failure | null;
}

export class Builder {
  readonly #build: (spec: FunctionSpec) => Promise<Result<BundleRef>>;
  #running = new Map<string, Promise<BuildOutcome>>();
  readonly #failures = new Map<string, { readonly failure: Failure; readonly stamp: string }>();

  constructor(build: (spec: FunctionSpec) => Promise<Result<BundleRef>>) {
    this.#build = build;
  }

  request(spec: FunctionSpec): Promise<BuildOutcome> {
    const known = this.#failures.get(spec.id);
    if (known !== undefined) {
      if (known.stamp === fileStamp(spec.file)) return Promise.resolve({ bundle: null, failure: known.failure });
      this.#failures.delete(spec.id);
    }
    const running = this.#running.get(spec.id);
    if (running !== undefined) return running;
    const work = this.#run(spec).finally(() => {
      if (this.#running.get(spec.id) === work) this.#running.delete(spec.id);
    });
    this.#running.set(spec.id, work);
    return work;
  }

  failureOf(functionId: string): Failure | null {
    return this.#failures.get(functionId)?.failure ?? null;
  }

  /** New code may be on disk: nothing known of failures holds, and a running build is of the old code. */
  reset(): void {
    this.#failures.clear();
    this.#running = new Map();
  }

  async #run(spec: FunctionSpec): Promise<BuildOutcome> {
    // Taken before the build: a file saved meanwhile counts as changed.
    const stamp = fileStamp(spec.file);
    const running = this.#running;
    let built: Result<BundleRef>;
    try {
      built = await this.#build(spec);
    } catch (error) {
      const message = `Cannot build ${spec.id}: ${(error as Error).message}`;
      return { bundle: null, failure: { code: "BUILD_FAILED", message, hint: "Mend that; the next call tries again" } };
    }
    if (built.ok) return { bundle: built.value, failure: null };
    if (running === this.#running) this.#failures.set(spec.id, { failure: built.failure, stamp });
    return { bundle: null, failure: built.failure };
  }
}

/** Tells one version of a file from the next without reading it; "" for code that is no file. */
export function fileStamp(file: string): string {
  if (file === "") return "";
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? "absent" : `${stats.size}-${stats.mtimeMs}-${stats.ino}`;
}
