/**
 * Prefetch: when a project's page has come from upstream, the metadata of its
 * newest versions follows, because an installer asks for it next. Off unless
 * configured; never more than a few projects at once, and a failure is nobody's
 * loss.
 */
import type { ContentStore } from "../store/content/content-store.ts";
import type { MirrorCounters } from "./counters.ts";
import type { Transfers } from "./files/transfers.ts";
import type { Pages } from "./pages/pages.ts";

const AT_ONCE_MAX = 4;

export interface PrefetchParts {
  readonly versions: number;
  readonly pages: Pages;
  readonly transfers: Transfers;
  readonly store: ContentStore;
  readonly counters: MirrorCounters;
}

let runningCount = 0;

export async function prefetch(project: string, parts: PrefetchParts): Promise<void> {
  if (runningCount >= AT_ONCE_MAX) return;
  runningCount++;
  try {
    const explained = await parts.pages.explain(project);
    if (!explained.ok) return;
    const { rankVersions } = await import("./explain/ranked-versions.ts");
    const newest = rankVersions(explained.value.versions).slice(0, parts.versions);
    for (const { files } of newest)
      for (const { filename, hiddenBy } of files) if (hiddenBy === null) await fetchMetadata(project, filename, parts);
  } finally {
    runningCount--;
  }
}

async function fetchMetadata(project: string, filename: string, { pages, store, transfers, counters }: PrefetchParts): Promise<void> {
  const found = await pages.find(project, filename, "metadata");
  if (!found.ok || found.value.hiddenBy !== null || found.value.artifact.source.kind !== "index") return;
  const { artifact } = found.value;
  const sha256 = artifact.hashes["sha256"];
  // Without a promised hash it can't be told from here whether it is kept already.
  if (sha256 === undefined) return;
  const kept = await store.find(sha256);
  if (!kept.ok || kept.value !== null) return;
  const transfer = transfers.join(artifact);
  // Nobody waits for what may be wanted some day.
  transfer.leave();
  await transfer.ended;
  if (transfer.content !== null) counters.prefetched++;
}
