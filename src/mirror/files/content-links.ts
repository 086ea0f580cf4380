/**
 * Content links: which stored content an address without a promised SHA-256
 * led to, and when (provenance, signatures, files of poor indexes). On disk, so
 * that such a file is known after a restart and while upstream is down.
 */
import { assert } from "../../base/assert.ts";
import { RecentMap } from "../../base/recent-map.ts";
import { sha256 as sha256Of } from "../../base/sha256.ts";
import type { KvStore } from "../../store/kv-store.ts";
import type { Artifact } from "../artifact.ts";
import { promiseOf } from "./digest.ts";

// A hash of its own length for every entry: addresses are as long as their index likes.
function keyOf({ kind, hashes, source }: Artifact): string {
  assert(source.kind === "index", "only what an index has is linked");
  const promise = promiseOf(hashes);
  return sha256Of(JSON.stringify([source.index, kind, source.url, promise?.algorithm, promise?.value]));
}

/** Under which content it would be stored; null where nobody knows. */
export async function storedHash(links: Pick<ContentLinks, "at">, artifact: Artifact): Promise<string | null> {
  return artifact.hashes["sha256"] ?? (await links.at(artifact))?.sha256 ?? null;
}

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
  readonly #known = new RecentMap<string, ContentLink>({ countMax: KNOWN_MAX });

  constructor(store: KvStore, nowMs: () => number) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /**
   * What lay there when it was last fetched; null when it never was. Not what
   * another index got from the same address, nor what kept another promise.
   */
  async at(artifact: Artifact): Promise<ContentLink | null> {
    const key = keyOf(artifact);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = await this.#store.get(NAMESPACE, Buffer.from(key, "hex"));
    // A store that can't be read costs a download, not the answer.
    if (!found.ok || found.value === null) return null;
    const [sha256 = "", linkedAt = ""] = Buffer.from(found.value).toString("latin1").split(" ");
    const link = { sha256, linkedAtMs: Number(linkedAt) };
    this.#known.set(key, link);
    return link;
  }

  async link(artifact: Artifact, sha256: string): Promise<void> {
    const key = keyOf(artifact);
    const linkedAtMs = this.#nowMs();
    this.#known.set(key, { sha256, linkedAtMs });
    await this.#store.put(NAMESPACE, Buffer.from(key, "hex"), Buffer.from(`${sha256} ${linkedAtMs}`, "latin1"), null);
  }
}
