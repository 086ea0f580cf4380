/**
 * Prefetch: when a project's page has come from upstream, the metadata of its
 * newest versions follows, because an installer asks for it next. Off unless
 * configured; never more than a few at once, and a failure is nobody's loss.
 */
import type { ContentStore } from "../store/content/content-store.ts";
import type { MirrorCounters } from "./counters.ts";
import type { Transfers } from "./files/transfers.ts";
import type { Pages } from "./pages/pages.ts";

const AT_ONCE_MAX = 4;

export interface PrefetchOptions {
  readonly versions: number;
  readonly transfers: Transfers;
  readonly store: ContentStore;
  readonly counters: MirrorCounters;
}

export class Prefetch {
  readonly #options: PrefetchOptions;
  #running = 0;

  constructor(options: PrefetchOptions) {
    this.#options = options;
  }

  async warm(project: string, pages: Pages): Promise<void> {
    const { versions } = this.#options;
    if (versions === 0 || this.#running >= AT_ONCE_MAX) return;
    this.#running++;
    try {
      const explained = await pages.explain(project);
      if (!explained.ok) return;
      const newest = explained.value.versions.slice(0, versions).flatMap(({ files }) => files);
      for (const { filename, hiddenBy } of newest) if (hiddenBy === null) await this.#fetch(project, filename, pages);
    } finally {
      this.#running--;
    }
  }

  async #fetch(project: string, filename: string, pages: Pages): Promise<void> {
    const { store, transfers, counters } = this.#options;
    const found = await pages.find(project, filename, "metadata");
    if (!found.ok || found.value.hiddenBy !== null) return;
    const { artifact } = found.value;
    const sha256 = artifact.hashes["sha256"];
    // Without a promised hash it can't be told from here whether it is kept already.
    if (sha256 === undefined || (await store.find(sha256)) !== null) return;
    await transfers.join(artifact).ended;
    counters.prefetched++;
  }
}
