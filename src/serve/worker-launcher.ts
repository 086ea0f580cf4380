/**
 * Worker launcher: forks workers with the rights that their deployment needs.
 * The first may have been forked before the configuration was read; it is taken
 * when it turns out to have them. On the path from spawn to the first answer,
 * so it imports next to nothing.
 */
import { type Launch, WorkerProcess } from "./worker-process.ts";

export class WorkerLauncher {
  readonly #launch: Launch;
  #prefork: WorkerProcess | null;

  /** A `prefork` was forked for the same data folder, with no right to write beside it. */
  constructor(launch: Launch, prefork: WorkerProcess | null) {
    this.#launch = launch;
    this.#prefork = prefork;
  }

  fork(writableFolders: readonly string[], inspects: boolean): WorkerProcess {
    const prefork = this.#prefork;
    this.#prefork = null;
    const writesBeside = writableFolders.length > 0 || (this.#launch.recordDir ?? null) !== null;
    if (prefork !== null && !prefork.exited && !writesBeside && !inspects) return prefork;
    prefork?.kill();
    return new WorkerProcess({ ...this.#launch, writableFolders, inspects });
  }
}
