/**
 * Content links: which stored content an address without a promised SHA-256
 * led to (provenance, signatures, files of poor indexes). On disk, so that
 * such a file is known after a restart and while upstream is down.
 */
import type { KvStore } from "../../store/kv-store.ts";

const NAMESPACE = "links";
const KNOWN_MAX = 10_000;

export class ContentLinks {
  readonly #store: KvStore;
  readonly #known = new Map<string, string>();

  constructor(store: KvStore) {
    this.#store = store;
  }

  /** The SHA-256 of what lay at `url` when it was last fetched; null when it never was. */
  async sha256At(url: string): Promise<string | null> {
    const known = this.#known.get(url);
    if (known !== undefined) return known;
    const found = await this.#store.get(NAMESPACE, Buffer.from(url));
    // A store that can't be read costs a download, not the answer.
    if (!found.ok || found.value === null) return null;
    const sha256 = Buffer.from(found.value).toString("latin1");
    this.#remember(url, sha256);
    return sha256;
  }

  async link(url: string, sha256: string): Promise<void> {
    this.#remember(url, sha256);
    await this.#store.put(NAMESPACE, Buffer.from(url), Buffer.from(sha256, "latin1"), null);
  }

  #remember(url: string, sha256: string): void {
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(url, sha256);
  }
}
