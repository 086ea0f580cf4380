/**
 * Quarantine: content that has rotted is forgotten at once, so that the next
 * request fetches it anew; its file is kept aside for whoever wants to know
 * what became of it. So few are kept that they never matter; the newest stays
 * whatever its size. Within the queue of its hash: its old place may be taken
 * again only when the file has moved.
 */
import type { StoreFault } from "../store-fault.ts";
import type { Catalogue } from "./catalogue.ts";
import { attempt } from "./content-fault.ts";
import { quarantinePlace } from "./content-places.ts";
import type { ContentBackend, PlacedContent } from "./content-store.ts";

const FILES_MAX = 16;
/** Of the limit of the store. */
const SHARE_MAX = 0.1;

export interface QuarantineHost {
  readonly catalogue: Catalogue;
  readonly backend: ContentBackend;
  readonly maxBytes: number;
}

/** Null when it is no longer content: what then fails is done by the next start. */
export async function quarantine({ catalogue, backend, maxBytes }: QuarantineHost, content: PlacedContent): Promise<StoreFault | null> {
  const { sha256, place, sizeBytes } = content;
  const aside = quarantinePlace(sha256);
  const dropped = await catalogue.drop(sha256, aside);
  if (!dropped.ok) return dropped.failure;
  const moved = await backend.move(place, aside);
  if (!moved.ok) return null;
  if (moved.value) await catalogue.note({ place: aside, state: "quarantined", sha256, sizeBytes, origin: "" });
  else catalogue.countGone(aside);
  await trim({ catalogue, backend, maxBytes });
  return null;
}

async function trim({ catalogue, backend, maxBytes }: QuarantineHost): Promise<void> {
  const loose = attempt(() => catalogue.loose());
  if (!loose.ok) return;
  const newestFirst = loose.value.filter(({ state }) => state === "quarantined").reverse();
  let keptBytes = 0;
  for (const [index, { place, sizeBytes }] of newestFirst.entries()) {
    keptBytes += sizeBytes;
    if (index === 0 || (index < FILES_MAX && keptBytes <= maxBytes * SHARE_MAX)) continue;
    const removed = await backend.remove(place);
    if (removed.ok) catalogue.countGone(place);
  }
}
