/**
 * Blame: whose fault the end of a worker was, and what follows for the
 * function. Reads what the dead worker left, tells the placement table, and
 * has a worker of its own started for each suspect. Which states a function
 * goes through is the table's business (placement.ts).
 */
import type { LogLevel } from "../telemetry/log-record.ts";
import { flightKey, readFlightRecord } from "./flight-record.ts";
import type { LiveDeployment } from "./live-deployment.ts";
import type { PlacementTable } from "./placement.ts";
import type { WorkerExit, WorkerProcess } from "./worker-process.ts";
import type { RestartReason } from "./worker-slot.ts";

export interface BlameHost {
  readonly live: LiveDeployment;
  readonly placement: PlacementTable;
  record(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void;
  /** Starts the function's own worker. */
  wake(functionId: string): void;
  placementsChanged(): void;
}

export class Blame {
  readonly #host: BlameHost;

  constructor(host: BlameHost) {
    this.#host = host;
  }

  /**
   * Whoever was on the processor, as the flight record says. Where it names
   * nobody, a crash may still be the work of any call in flight (an allocation,
   * a turn beyond the record's slots). A silence can't: what blocks the loop is
   * a turn, and is written down before it starts. So a worker that froze with
   * an empty record, and one that was stopped from outside, accuse nobody.
   */
  suspectsOf(worker: WorkerProcess, reason: RestartReason): readonly string[] {
    if (worker.silence === "suspended") return [];
    const keys = new Set(readFlightRecord(worker.flightFile));
    if (keys.size === 0) return reason === "silent" ? [] : worker.inFlight;
    return this.#host.live.current.functions.map((spec) => spec.id).filter((id) => keys.has(flightKey(id)));
  }

  /** A shared worker was lost to one of these. */
  accuse(suspects: readonly string[], how: string): void {
    const accused = this.#host.placement.sharedWorkerDied(suspects);
    for (const functionId of accused) {
      const message = "probation: it ran when its worker was lost, and now runs in a worker of its own";
      this.#host.record("warn", message, { function: functionId, how });
      this.#host.wake(functionId);
    }
    if (accused.length > 0) this.#host.placementsChanged();
  }

  /** The function's own worker died. True when it is to have another. */
  dedicatedDied(functionId: string, suspects: readonly string[], exit: WorkerExit, how: string): boolean {
    const { placement } = this.#host;
    const isCrash = exit.signal !== null && exit.signal !== "SIGKILL" && exit.signal !== "SIGTERM";
    const isGuilty = isCrash || suspects.includes(functionId);
    if (placement.dedicatedWorkerDied(functionId, isGuilty, how)) {
      const placed = placement.placementOf(functionId);
      const reason = placed?.where === "quarantine" ? placed.reason : how;
      this.#host.record("error", "quarantine: it is not run until its code changes", { function: functionId, reason });
      this.#host.placementsChanged();
    }
    return placement.placementOf(functionId)?.where === "dedicated";
  }

  /** The function answered often enough in a worker of its own. */
  cleared(functionId: string): void {
    if (!this.#host.placement.cleared(functionId)) {
      this.#host.placement.healthy(functionId);
      return;
    }
    this.#host.record("info", "cleared: it returns to the shared workers", { function: functionId });
    this.#host.placementsChanged();
  }
}
