/**
 * Last copy: would throwing a stored file away lose it? Its index is asked for
 * it, because what it said before it fell ill, or dropped the file, says
 * nothing. Of the answer only the head is read.
 */
import { ok } from "../../base/result.ts";
import type { MirrorConfig } from "../../config/mirror-config.ts";
import type { ContentStore } from "../../store/content/content-store.ts";
import type { Artifact } from "../artifact.ts";
import { explainFailure, type MirrorFailure } from "../failures.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { type ContentLinks, storedHash } from "./content-links.ts";

export interface LastCopyParts {
  readonly config: Pick<MirrorConfig, "indexes" | "upstream">;
  readonly store: Pick<ContentStore, "find">;
  readonly links: Pick<ContentLinks, "at">;
  readonly upstream: Pick<Upstream, "request">;
}

/** A byte would do; who knows no ranges begins with the whole file, and is stopped. */
const HEADERS = { "accept-encoding": "identity", range: "bytes=0-0" };

/** Null when nothing is stored, or the index would give it again. */
export async function lastCopy({ config, store, links, upstream }: LastCopyParts, artifact: Artifact): Promise<MirrorFailure | null> {
  const { filename, source } = artifact;
  if (source.kind === "folder") return null;
  const sha256 = await storedHash(links, artifact);
  const stored = sha256 === null ? ok(null) : await store.find(sha256);
  if (!stored.ok) return stored.failure;
  if (stored.value === null) return null;
  if (config.upstream.offline) return { code: "OFFLINE_KEEPS", what: filename };
  const { index, url } = source;
  if (config.indexes.every(({ name }) => name !== index))
    return { code: "LAST_COPY", what: filename, reason: `it came in a bundle from the index ${index}, which this mirror doesn't have` };
  const asked = await upstream.request({ method: "GET", index, url, headers: HEADERS });
  if (!asked.ok) return { code: "LAST_COPY", what: filename, reason: explainFailure(asked.failure).message };
  const { status } = asked.value;
  asked.value.discard();
  return status === 404 || status === 410 ? { code: "LAST_COPY", what: filename, reason: `its index no longer has it (${status})` } : null;
}
