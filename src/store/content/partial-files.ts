/**
 * Partial files: where transfers write. Each has a random name that is in the
 * catalogue, written through, before the file exists; whoever was given it
 * makes the file. Some names are written down ahead, so that no client waits
 * for a disk before its download begins. One that can't be removed stays in the
 * catalogue: the next start tries again.
 */
import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { SECOND_MS } from "../../base/units.ts";
import type { StoreResult } from "../store-client.ts";
import { MIRROR_STOPPING, type StoreFault } from "../store-fault.ts";
import type { Catalogue } from "./catalogue.ts";
import { guarded, removeFile } from "./content-fault.ts";
import { newPartialPlace } from "./content-places.ts";
import type { PartialFile } from "./content-store.ts";

/** Names ahead; more are written down when half of them are given away. */
const AHEAD = 16;
/** After a start that others wait for. */
const PREPARE_AFTER_MS = 2 * SECOND_MS;

export class PartialFiles {
  readonly #dir: string;
  readonly #catalogue: Catalogue;
  /** Places that are written down and have no file. */
  readonly #ahead: string[] = [];
  /** By path: those that nobody has committed or discarded. */
  readonly #open = new Map<string, string>();
  readonly #preparing: NodeJS.Timeout;
  #noting: StoreResult<void> | null = null;
  #closed = false;

  constructor(dir: string, catalogue: Catalogue) {
    this.#dir = dir;
    this.#catalogue = catalogue;
    this.#preparing = setTimeout(() => void this.#noteAhead(), PREPARE_AFTER_MS).unref();
  }

  async begin(): Promise<Result<PartialFile, StoreFault>> {
    while (this.#ahead.length === 0 && !this.#closed) {
      const noted = await this.#noteAhead();
      if (!noted.ok) return noted;
    }
    if (this.#closed) return fail(MIRROR_STOPPING);
    const place = this.#ahead.pop()!;
    if (this.#ahead.length <= AHEAD / 2) void this.#noteAhead();
    const path = join(this.#dir, place);
    this.#open.set(path, place);
    return ok({ path, discard: () => this.#discard(path) });
  }

  /** Its place: nobody may commit or discard it any more. Null when all were discarded, at the end. */
  take({ path }: PartialFile): string | null {
    if (this.#closed) return null;
    const place = this.#open.get(path);
    assert(place !== undefined, `${path} is no partial file of this store, or was committed before`);
    this.#open.delete(path);
    return place;
  }

  async remove(place: string): Promise<Result<void, StoreFault>> {
    const path = join(this.#dir, place);
    const removed = await guarded(`Cannot remove ${path}`, () => removeFile(path));
    if (removed.ok) this.#catalogue.countGone(place);
    return removed;
  }

  /** A transfer that still writes loses its file's name, not its file. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#preparing);
    await this.#noting;
    for (const place of this.#ahead.splice(0)) this.#catalogue.countGone(place);
    await Promise.all([...this.#open.keys()].map((path) => this.#discard(path)));
  }

  /** One at a time, for all who wait. */
  #noteAhead(): StoreResult<void> {
    this.#noting ??= this.#note().finally(() => {
      this.#noting = null;
    });
    return this.#noting;
  }

  async #note(): StoreResult<void> {
    const places = Array.from({ length: AHEAD - this.#ahead.length }, newPartialPlace);
    const noted = await this.#catalogue.note(
      ...places.map((place) => ({ place, state: "partial", sha256: "", sizeBytes: 0, origin: "" }) as const),
    );
    if (noted.ok) this.#ahead.push(...places);
    return noted;
  }

  async #discard(path: string): Promise<void> {
    const place = this.#open.get(path);
    if (place === undefined) return;
    this.#open.delete(path);
    await this.remove(place);
  }
}
