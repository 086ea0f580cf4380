/**
 * Found content: what others put into a place that several mirrors share, as
 * far as this one has met it. In memory alone: it is not ours to evict, and to
 * look it up again after a start costs one request.
 */
import { RecentMap } from "../../base/recent-map.ts";
import type { PlacedContent } from "./content-store.ts";

const FOUND_MAX = 10_000;

export class FoundContent {
  readonly #byHash = new RecentMap<string, PlacedContent>({ countMax: FOUND_MAX });

  get(sha256: string): PlacedContent | null {
    return this.#byHash.get(sha256) ?? null;
  }

  add(content: PlacedContent): void {
    this.#byHash.set(content.sha256, content);
  }

  take(sha256: string): PlacedContent | null {
    const found = this.get(sha256);
    this.#byHash.delete(sha256);
    return found;
  }
}
