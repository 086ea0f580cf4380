/**
 * Recovery: what a run that ended in the midst of its work left behind. Every
 * file of ours that is no content has a row that says what it was about to be;
 * nothing without a row is looked at. What was on its way in is believed only
 * after it was hashed. What can't be done now keeps its row for the next start.
 */
import { assert } from "../../base/assert.ts";
import { atOnce } from "../../base/at-once.ts";
import type { StoreFault } from "../store-fault.ts";
import type { Catalogue } from "./catalogue.ts";
import type { ContentBackend } from "./content-store.ts";
import type { LooseFile } from "./content-table.ts";
import type { ContentLog } from "./kept-content.ts";
import type { PartialFiles } from "./partial-files.ts";

const FILES_AT_ONCE = 8;

export interface Recovered {
  readonly backend: ContentBackend;
  readonly catalogue: Catalogue;
  readonly partials: PartialFiles;
  readonly maxBytes: number;
  readonly log: ContentLog;
}

/** Its rows are read before anything is awaited: those that are written from now on are of this run. */
export async function recover(store: Recovered): Promise<void> {
  const left = store.catalogue.loose().filter(({ state, origin }) => state !== "quarantined" || origin !== "");
  if (left.length === 0) return;
  await atOnce(FILES_AT_ONCE, left, async (file) => {
    const fault = await settleOne(store, file);
    if (fault === null) return;
    store.log("warn", "Cannot clear up after the last run: the next start tries again", { place: file.place, reason: fault.message });
  });
  store.log("info", "Cleared up after a run that had not ended", { files: left.length });
}

async function settleOne(store: Recovered, file: LooseFile): Promise<StoreFault | null> {
  const { place, state, origin } = file;
  switch (state) {
    case "partial":
      return faultIn(await store.partials.remove(place));
    case "arriving":
      return settleArrival(store, file);
    case "leaving":
      return removed(store, place);
    case "upload": {
      const abandoned = await store.backend.abandon(place, origin);
      if (abandoned.ok) store.catalogue.countGone(place);
      return faultIn(abandoned);
    }
    case "quarantined": {
      const moved = await store.backend.move(origin, place);
      // Whether it lay there or had been moved already: from here on its old place may be taken again.
      return faultIn(moved.ok ? await store.catalogue.note({ ...file, origin: "" }) : moved);
    }
  }
}

async function settleArrival(store: Recovered, { place, sha256, sizeBytes }: LooseFile): Promise<StoreFault | null> {
  const content = { sha256, sizeBytes, place };
  const known = store.catalogue.find(sha256);
  assert(known?.place !== place, `${place} is content and on its way to become it`);
  if (sizeBytes > store.maxBytes || known !== null) return removed(store, place);
  const arrived = await store.backend.hasArrived(content);
  if (!arrived.ok) return arrived.failure;
  return arrived.value ? faultIn(await store.catalogue.settle(content)) : removed(store, place);
}

async function removed({ backend, catalogue }: Recovered, place: string): Promise<StoreFault | null> {
  const gone = await backend.remove(place);
  if (gone.ok) catalogue.countGone(place);
  return faultIn(gone);
}

function faultIn(result: { readonly ok: true } | { readonly ok: false; readonly failure: StoreFault }): StoreFault | null {
  return result.ok ? null : result.failure;
}
