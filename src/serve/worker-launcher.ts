/**
 * Worker launcher: forks workers with the rights that their deployment needs.
 * The first may have been forked before the configuration was read; it is taken
 * when it turns out to have them. On the path from spawn to the first answer,
 * so it imports next to nothing.
 */
import { type Launch, WorkerProcess } from "./worker-process.ts";
import type { WorkerRights } from "./worker-rights.ts";

export class WorkerLauncher {
  readonly #launch: Launch;
  #prefork: WorkerProcess | null;

  /** A `prefork` was forked for the same data folder, with no rights beyond it. */
  constructor(launch: Launch, prefork: WorkerProcess | null) {
    this.#launch = launch;
    this.#prefork = prefork;
  }

  fork(rights: WorkerRights, inspects: boolean): WorkerProcess {
    const prefork = this.#prefork;
    this.#prefork = null;
    const needsMore = rights.writableFolders.length > 0 || rights.startsProcesses || (this.#launch.recordDir ?? null) !== null;
    if (prefork !== null && !prefork.exited && !needsMore && !inspects) return prefork;
    prefork?.kill();
    return new WorkerProcess({ ...this.#launch, rights, inspects });
  }
}
