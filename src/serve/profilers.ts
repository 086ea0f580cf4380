/**
 * Profilers: workers that run one function for a while where the inspector
 * sees it. Its calls are sent there for the time of the profile; wherever it
 * was placed before waits for it to come back.
 */
import { fail, ok, type Result } from "../base/result.ts";
import { FAREWELL_MS } from "./dedicated-workers.ts";
import type { PlacementTable } from "./placement.ts";
import type { ProfileRequest, WorkerCounts } from "./worker-counts.ts";
import type { WorkerSlot } from "./worker-slot.ts";

export interface ProfilersHost {
  readonly placement: PlacementTable;
  readonly counts: WorkerCounts;
  createSlot(functionId: string, socketPath: string): WorkerSlot;
  socketPathOf(name: string): string;
  placementsChanged(): void;
}

/** After a profile: what the function's last calls there may take. */
const DRAIN_MS = 5_000;

export class Profilers {
  readonly #host: ProfilersHost;
  #count = 0;

  constructor(host: ProfilersHost) {
    this.#host = host;
  }

  /** A V8 profile as JSON text. */
  async profile(request: ProfileRequest): Promise<Result<string>> {
    const { functionId } = request;
    const { placement, counts } = this.#host;
    const state = placement.placementOf(functionId);
    if (state?.where === "quarantine" || placement.isProfiled(functionId)) {
      const why = state?.where === "quarantine" ? `it is in quarantine (${state.reason})` : "it is being profiled already";
      return fail({ code: "PROFILE_FAILED", message: `Cannot profile ${functionId}: ${why}` });
    }
    // A socket of its own each time: the worker before may still be leaving, and would take the file with it.
    const socketPath = this.#host.socketPathOf(`${functionId} profile ${++this.#count}`);
    const slot = this.#host.createSlot(functionId, socketPath);
    slot.start();
    await slot.settled;
    try {
      if (!slot.listening || slot.worker === null)
        return fail({
          code: "PROFILE_FAILED",
          message: `Cannot profile ${functionId}: its worker did not start`,
          hint: "The log says why",
        });
      placement.beginProfile(functionId, socketPath);
      this.#host.placementsChanged();
      const { profile, failure } = await counts.profile(slot.worker, request);
      return profile === null ? fail(failure!) : ok(profile);
    } finally {
      placement.endProfile(functionId);
      this.#host.placementsChanged();
      // Calls already on their way there still arrive; the answer need not wait for that.
      setTimeout(() => void slot.drain(DRAIN_MS), FAREWELL_MS).unref();
    }
  }
}
