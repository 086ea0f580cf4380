/**
 * Page room: bounds the bodies of pages that are in hand at once, from their
 * arrival until the page thread has taken them. Most are small and wait for
 * nobody; one that turns out larger waits in the middle of its arrival for one
 * of a few places, and one that is larger still for the only one of its kind.
 * Places are taken in that order only, so that none waits in a circle. While
 * one waits, the index's connection is not read.
 */
import { Turns } from "../../base/turns.ts";
import { MIB } from "../../base/units.ts";

/** Up to here for nothing: what nearly every page has. */
export const SMALL_MAX_BYTES = MIB;
export const MEDIUM_MAX_BYTES = 8 * MIB;
/** With one at the bound of 64 MiB they are 128 MiB. */
export const MEDIUM_AT_ONCE = 8;

export class PageRoom {
  readonly #medium = new Turns(MEDIUM_AT_ONCE);
  readonly #large = new Turns(1);

  /** For one body, of 0 bytes so far. */
  enter(): RoomOfPage {
    return new RoomOfPage(this.#medium, this.#large);
  }
}

export class RoomOfPage {
  readonly #medium: Turns;
  readonly #large: Turns;
  #held: Turns[] = [];

  constructor(medium: Turns, large: Turns) {
    this.#medium = medium;
    this.#large = large;
  }

  /** Null when there is room for so many bytes; or a promise of it, one at a time. */
  grow(sizeBytes: number): Promise<void> | null {
    if (sizeBytes > SMALL_MAX_BYTES && this.#held.length === 0) return this.#take(this.#medium, sizeBytes);
    if (sizeBytes > MEDIUM_MAX_BYTES && this.#held.length === 1) return this.#take(this.#large, sizeBytes);
    return null;
  }

  /** Its bytes are let go of. */
  leave(): void {
    for (const turns of this.#held.splice(0)) turns.giveBack();
  }

  async #take(turns: Turns, sizeBytes: number): Promise<void> {
    await turns.take();
    this.#held.push(turns);
    await this.grow(sizeBytes);
  }
}
