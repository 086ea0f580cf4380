/**
 * Runs: the requests of one module that may wait. Each has a command of its own
 * (instance, image, descriptors, streams) while it runs, and hands it to another
 * when it is over; the command itself lets go of an instance that has waited.
 */
import { RUNS_KEPT_MAX } from "./channel.ts";
import type { Command } from "./command.ts";
import type { GuestProcess } from "./guest-process.ts";
import type { BufferedInput, BufferedOutput } from "./streams.ts";

export interface CommandParts {
  readonly command: Command;
  readonly guest: GuestProcess;
  readonly stdin: BufferedInput;
  readonly stdout: BufferedOutput;
  readonly stderr: BufferedOutput;
}

export class Runs {
  readonly #make: () => CommandParts;
  readonly #ended: (runId: number, ended: number, parts: CommandParts) => void;
  readonly #kept: CommandParts[] = [];
  readonly #open = new Map<number, CommandParts>();

  constructor(make: () => CommandParts, ended: (runId: number, ended: number, parts: CommandParts) => void) {
    this.#make = make;
    this.#ended = ended;
  }

  start(runId: number, begin: (parts: CommandParts) => void): void {
    const parts = this.#kept.pop() ?? this.#make();
    this.#open.set(runId, parts);
    parts.guest.runId = runId;
    parts.guest.hasWaited = false;
    begin(parts);
    void parts.command.runSuspendable().then((ended) => {
      // Given up meanwhile: nobody wants its output.
      if (!this.#open.delete(runId)) return;
      this.#ended(runId, ended, parts);
      if (this.#kept.length < RUNS_KEPT_MAX) this.#kept.push(parts);
    });
  }

  /** Memory of those that were begun and are not over. */
  get heldPages(): number {
    let pages = 0;
    for (const { command } of this.#open.values()) pages += command.memoryPages;
    return pages;
  }

  /** It will never go on: what it has open is closed for it. */
  abandon(runId: number): void {
    this.#open.get(runId)?.guest.resetDescriptors();
    this.#open.delete(runId);
  }
}
