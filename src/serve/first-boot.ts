/**
 * First boot: whether the server comes up at all. The first shared worker to
 * listen settles it; so does one that says why it can't, or several in a row
 * that die without a word. Later boots are tried for ever.
 */
import { type Failure, fail, ok, type Result } from "../base/result.ts";

const BOOTS_MAX = 5;

export class FirstBoot {
  /** Resolves with the port. */
  readonly outcome: Promise<Result<number>>;
  #settle: ((outcome: Result<number>) => void) | null = null;

  constructor() {
    this.outcome = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  listens(port: number): void {
    this.#end(ok(port));
  }

  failed(failure: Failure): void {
    this.#end(fail(failure));
  }

  /** True when another boot is worth trying. */
  died(bootCount: number, how: string): boolean {
    if (this.#settle === null || bootCount < BOOTS_MAX) return true;
    this.failed({
      code: "WORKER_BOOT_FAILED",
      message: `Cannot start a worker: ${BOOTS_MAX} in a row ended before they listened, the last by ${how}`,
      hint: "What they printed stands above; `pilotlight doctor` checks this machine",
    });
    return false;
  }

  #end(outcome: Result<number>): void {
    this.#settle?.(outcome);
    this.#settle = null;
  }
}
