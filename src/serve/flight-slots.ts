/**
 * Flight slots: who runs where, for the flight record. The loop lane has one
 * slot; turns in the thread lane take a free one each, and when all are taken
 * run unrecorded (their function is then suspected by its open calls).
 */
import type { TurnObserver } from "../engines/engine.ts";
import { type FlightRecord, LOOP_LANE_SLOT } from "./flight-record.ts";

/** Slots of a record: the loop lane and this many turns in the pool at once. */
export const FLIGHT_SLOT_COUNT = 64;
const UNRECORDED = -1;

export class FlightSlots implements TurnObserver {
  readonly #record: FlightRecord;
  readonly #free = Array.from({ length: FLIGHT_SLOT_COUNT - 1 }, (_, at) => FLIGHT_SLOT_COUNT - 1 - at);

  constructor(record: FlightRecord) {
    this.#record = record;
  }

  loopTurn(functionId: string): void {
    this.#record.enter(LOOP_LANE_SLOT, functionId);
  }

  threadTurn(functionId: string): number {
    const slot = this.#free.pop() ?? UNRECORDED;
    if (slot !== UNRECORDED) this.#record.enter(slot, functionId);
    return slot;
  }

  threadTurnEnded(slot: number): void {
    if (slot === UNRECORDED) return;
    this.#record.leave(slot);
    this.#free.push(slot);
  }
}
