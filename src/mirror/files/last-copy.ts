/**
 * Last copy: would throwing a stored file away lose it? Its index is asked for
 * it, because what it said before it fell ill, or dropped the file, says
 * nothing. Of the answer only the head is read, and believed only as far as it
 * promises these bytes: a portal's page and a file of another size are none.
 */
import { ok } from "../../base/result.ts";
import type { MirrorConfig } from "../../config/mirror-config.ts";
import type { ContentStore } from "../../store/content/content-store.ts";
import type { Artifact } from "../artifact.ts";
import { explainFailure, type MirrorFailure } from "../failures.ts";
import type { Upstream, UpstreamAnswer } from "../upstream/upstream.ts";
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
  // Of nothing nothing is lost, and nobody has its first byte.
  if (stored.value === null || stored.value.sizeBytes === 0) return null;
  if (config.upstream.offline) return { code: "OFFLINE_KEEPS", what: filename };
  const { index, url } = source;
  if (config.indexes.every(({ name }) => name !== index))
    return { code: "LAST_COPY", what: filename, reason: `it came in a bundle from the index ${index}, which this mirror doesn't have` };
  const asked = await upstream.request({ method: "GET", index, url, headers: HEADERS });
  if (!asked.ok) return { code: "LAST_COPY", what: filename, reason: explainFailure(asked.failure).message };
  const reason = whyNot(asked.value, stored.value.sizeBytes);
  asked.value.discard();
  return reason === null ? null : { code: "LAST_COPY", what: filename, reason };
}

/** A phrase that says why the answer promises no such file; null when it does. */
function whyNot(answer: UpstreamAnswer, sizeBytes: number): string | null {
  const { status } = answer;
  if (status === 404 || status === 410) return `its index no longer has it (${status})`;
  if (status !== 200 && status !== 206) return `its index answers ${status}, which promises no file`;
  if (/^\s*text\/html\b/i.test(answer.header("content-type") ?? "")) return "its index answers with a web page";
  // The only one who may send no length is who sends it as it is made, or coded though nobody asked for that.
  if (status === 200 && (answer.header("content-length") === null || isCoded(answer))) return null;
  const told = status === 206 ? /^bytes 0-0\/(\d{1,15})$/.exec(answer.header("content-range") ?? "")?.[1] : answer.header("content-length");
  if (told === undefined || Number(told) === sizeBytes) return told === undefined ? "its index doesn't say how large it is" : null;
  return `its index has ${told} bytes by that name, and this copy ${sizeBytes}`;
}

function isCoded(answer: UpstreamAnswer): boolean {
  const coding = answer.header("content-encoding")?.trim().toLowerCase() ?? "identity";
  return coding !== "identity" && coding !== "";
}
