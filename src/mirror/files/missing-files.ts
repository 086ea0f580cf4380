/**
 * Missing files: what an index said a moment ago that it doesn't have of the
 * things that lie beside a distribution (metadata, signature, provenance). A
 * page often promises them wrongly or doesn't say, and installers ask for each
 * again in every run. Believed as long as "no such project" is; bounded by
 * count. Not the distributions: one that is listed and gone is a page that is
 * out of date, and whoever asks again wants to know whether it has come back.
 */
import { assert } from "../../base/assert.ts";
import { RecentMap } from "../../base/recent-map.ts";
import { sha256 } from "../../base/sha256.ts";
import type { Artifact } from "../artifact.ts";
import type { MirrorFailure, UpstreamFailure } from "../failures.ts";

/** About 400 bytes each. */
const FILES_MAX = 10_000;

export class MissingFiles {
  readonly #missing: RecentMap<string, UpstreamFailure>;

  constructor(ttlMs: number, nowMs: () => number) {
    this.#missing = new RecentMap({ countMax: FILES_MAX, ageMaxMs: ttlMs, nowMs });
  }

  /** What becomes of asking for it; null when its index must say. */
  recent(artifact: Artifact): UpstreamFailure | null {
    return artifact.kind === "file" ? null : (this.#missing.peek(keyOf(artifact)) ?? null);
  }

  /** Takes note of a failure if it says that there is no such thing. */
  note(artifact: Artifact, failure: MirrorFailure): void {
    const isGone = failure.code === "UPSTREAM_STATUS" && (failure.status === 404 || failure.status === 410);
    if (isGone && artifact.kind !== "file") this.#missing.set(keyOf(artifact), failure);
  }

  /** Somebody wants the project's index asked again. */
  forget(project: string): void {
    for (const key of this.#missing.keys()) if (key.startsWith(`${project} `)) this.#missing.delete(key);
  }
}

// A hash of its own length for every entry: addresses are as long as their index likes.
function keyOf({ kind, project, source }: Artifact): string {
  assert(source.kind === "index", "a folder is looked into, not asked");
  return `${project} ${sha256(JSON.stringify([source.index, kind, source.url]))}`;
}
