/**
 * Profilers: workers that run one function for a while where the inspector
 * sees it. Its calls are sent there for the time of the profile; wherever it
 * was placed before waits for it to come back.
 */
import { fail, ok, type Result } from "../base/result.ts";
import { FAREWELL_MS } from "./dedicated-workers.ts";
import type { Inquiries } from "./inquiries.ts";
import type { PlacementTable } from "./placement.ts";
import type { WorkerProcess } from "./worker-process.ts";
import type { WorkerSlot } from "./worker-slot.ts";

export interface ProfileRequest {
  readonly functionId: string;
  readonly kind: "cpu" | "heap";
  readonly durationMs: number;
}

export interface ProfilersHost {
  readonly placement: PlacementTable;
  readonly inquiries: Inquiries;
  createSlot(functionId: string, socketPath: string): WorkerSlot;
  socketPathOf(name: string): string;
  placementsChanged(): void;
}

/** After a profile: what the function's last calls there may take. */
const DRAIN_MS = 5_000;
/** On top of the recording itself: stopping and serialising a profile takes a while. */
const ANSWER_EXTRA_MS = 30_000;

export class Profilers {
  readonly #host: ProfilersHost;
  /** Every slot with a process, those that are leaving included. */
  readonly #slots = new Set<WorkerSlot>();
  readonly #profiled = new Set<string>();
  #count = 0;
  #isClosed = false;

  constructor(host: ProfilersHost) {
    this.#host = host;
  }

  get slots(): WorkerSlot[] {
    return [...this.#slots];
  }

  tick(elapsedMs: number): void {
    for (const slot of this.#slots) slot.tick(elapsedMs);
  }

  /** The server stops: nothing is profiled any more. */
  close(): WorkerSlot[] {
    this.#isClosed = true;
    return this.slots;
  }

  /** A V8 profile as JSON text. */
  async profile(request: ProfileRequest): Promise<Result<string>> {
    const { functionId } = request;
    const refusal = this.#refusal(functionId);
    if (refusal !== null) return fail({ code: "PROFILE_FAILED", message: `Cannot profile ${functionId}: ${refusal}` });
    // A socket of its own each time: the worker before may still be leaving, and would take the file with it.
    const socketPath = this.#host.socketPathOf(`${functionId} profile ${++this.#count}`);
    const slot = this.#host.createSlot(functionId, socketPath);
    this.#slots.add(slot);
    this.#profiled.add(functionId);
    try {
      slot.start();
      await slot.settled;
      return await this.#record(slot, socketPath, request);
    } finally {
      this.#profiled.delete(functionId);
      // Calls already on their way there still arrive; the answer need not wait for that.
      setTimeout(() => void slot.drain(DRAIN_MS).then(() => this.#slots.delete(slot)), FAREWELL_MS).unref();
    }
  }

  async #record(slot: WorkerSlot, socketPath: string, request: ProfileRequest): Promise<Result<string>> {
    const { functionId } = request;
    const { placement } = this.#host;
    if (!slot.listening || slot.worker === null) {
      const message = `Cannot profile ${functionId}: its worker did not start`;
      return fail({ code: "PROFILE_FAILED", message, hint: "The log says why" });
    }
    placement.beginProfile(functionId, socketPath);
    this.#host.placementsChanged();
    const profile = await this.#ask(slot.worker, request);
    placement.endProfile(functionId);
    this.#host.placementsChanged();
    return profile;
  }

  async #ask(worker: WorkerProcess, request: ProfileRequest): Promise<Result<string>> {
    const question = (requestId: number) => ({ type: "profile", requestId, ...request }) as const;
    const answer = await this.#host.inquiries.ask(worker, question, request.durationMs + ANSWER_EXTRA_MS);
    if (answer?.type === "profiled") return answer.profile === null ? fail(answer.failure!) : ok(answer.profile);
    const message = `Cannot profile ${request.functionId}: its worker ended or did not answer`;
    return fail({ code: "PROFILE_FAILED", message, hint: "Try again; the server's log says why a worker ended" });
  }

  #refusal(functionId: string): string | null {
    const state = this.#host.placement.placementOf(functionId);
    if (state?.where === "quarantine") return `it is in quarantine (${state.reason})`;
    if (this.#profiled.has(functionId)) return "it is being profiled already";
    return this.#isClosed ? "the server stops" : null;
  }
}
