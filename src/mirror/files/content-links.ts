/**
 * Content links: which stored content an address without a promised SHA-256
 * led to, and when (provenance, signatures, files of poor indexes). On disk, so
 * that such a file is known after a restart and while upstream is down.
 */
import type { KvStore } from "../../store/kv-store.ts";

const NAMESPACE = "links";
const KNOWN_MAX = 10_000;

export interface ContentLink {
  readonly sha256: string;
  /** When the index gave it. */
  readonly linkedAtMs: number;
}

export class ContentLinks {
  readonly #store: KvStore;
  readonly #nowMs: () => number;
  readonly #known = new Map<string, ContentLink>();

  constructor(store: KvStore, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** What lay at `url` when it was last fetched; null when it never was. */
  async at(url: string): Promise<ContentLink | null> {
    const known = this.#known.get(url);
    if (known !== undefined) return known;
    const found = await this.#store.get(NAMESPACE, Buffer.from(url));
    // A store that can't be read costs a download, not the answer.
    if (!found.ok || found.value === null) return null;
    const [sha256 = "", linkedAt = ""] = Buffer.from(found.value).toString("latin1").split(" ");
    const link = { sha256, linkedAtMs: Number(linkedAt) };
    this.#remember(url, link);
    return link;
  }

  async link(url: string, sha256: string): Promise<void> {
    const linkedAtMs = this.#nowMs();
    this.#remember(url, { sha256, linkedAtMs });
    await this.#store.put(NAMESPACE, Buffer.from(url), Buffer.from(`${sha256} ${linkedAtMs}`, "latin1"), null);
  }

  #remember(url: string, link: ContentLink): void {
    const oldest = this.#known.size >= KNOWN_MAX ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(url, link);
  }
}
