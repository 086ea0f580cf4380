/**
 * Partial files: where transfers write. Each has a random name that is in the
 * catalogue, written through, before the file exists; whoever was given it
 * makes the file. One that can't be removed stays in the catalogue: the next
 * start tries again.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import type { StoreFault } from "../store-fault.ts";
import type { Catalogue } from "./catalogue.ts";
import { guarded, STOPPING } from "./content-fault.ts";
import { newPartialPlace } from "./content-places.ts";
import type { PartialFile } from "./content-store.ts";

export class PartialFiles {
  readonly #dir: string;
  readonly #catalogue: Catalogue;
  /** By path: those that nobody has committed or discarded. */
  readonly #open = new Map<string, string>();
  #closed = false;

  constructor(dir: string, catalogue: Catalogue) {
    this.#dir = dir;
    this.#catalogue = catalogue;
  }

  async begin(): Promise<Result<PartialFile, StoreFault>> {
    if (this.#closed) return fail(STOPPING);
    const place = newPartialPlace();
    const noted = await this.#catalogue.note({ place, state: "partial", sha256: "", sizeBytes: 0, origin: "" });
    if (!noted.ok) return noted;
    if (this.#closed) {
      this.#catalogue.countGone(place);
      return fail(STOPPING);
    }
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
    const removed = await guarded(`Cannot remove ${path}`, () => rm(path, { force: true }));
    if (removed.ok) this.#catalogue.countGone(place);
    return removed;
  }

  /** A transfer that still writes loses its file's name, not its file. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#open.keys()].map((path) => this.#discard(path)));
  }

  async #discard(path: string): Promise<void> {
    const place = this.#open.get(path);
    if (place === undefined) return;
    this.#open.delete(path);
    await this.remove(place);
  }
}
