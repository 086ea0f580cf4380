/**
 * Build requests: a worker asks the supervisor for a function's bundle and
 * waits. Workers can't bundle themselves: the permission model lets them start
 * no process.
 */
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { BundleRef } from "./function-spec.ts";

const ANSWER_TIMEOUT_MS = 60_000;

export class BuildRequests {
  readonly #ask: (functionId: string) => void;
  readonly #waiting = new Map<string, ((result: Result<BundleRef, Failure>) => void)[]>();

  constructor(ask: (functionId: string) => void) {
    this.#ask = ask;
  }

  build(functionId: string): Promise<Result<BundleRef, Failure>> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#settle(
          functionId,
          fail({ code: "BUILD_TIMEOUT", message: `Cannot build ${functionId}: no answer within ${ANSWER_TIMEOUT_MS / 1_000} s` }),
        );
      }, ANSWER_TIMEOUT_MS);
      const settled = (result: Result<BundleRef, Failure>): void => {
        clearTimeout(timer);
        resolve(result);
      };
      const others = this.#waiting.get(functionId);
      if (others !== undefined) {
        others.push(settled);
        return;
      }
      this.#waiting.set(functionId, [settled]);
      this.#ask(functionId);
    });
  }

  built(functionId: string, bundle: BundleRef | null, failure: Failure | null): void {
    if (bundle !== null) this.#settle(functionId, ok(bundle));
    else this.#settle(functionId, fail(failure ?? { code: "BUILD_FAILED", message: `Cannot build ${functionId}` }));
  }

  #settle(functionId: string, result: Result<BundleRef, Failure>): void {
    const waiting = this.#waiting.get(functionId) ?? [];
    this.#waiting.delete(functionId);
    for (const resolve of waiting) resolve(result);
  }
}
