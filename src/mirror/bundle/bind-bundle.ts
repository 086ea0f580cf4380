/**
 * Binds bundles to a mirror's parts: pages with their policy, content from
 * wherever a client would get it. What is asked for goes the way of every
 * client's request, so a bundle holds what an installer would have got.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { digestOf } from "../../store/content/content-digest.ts";
import type { StoreFault } from "../../store/store-fault.ts";
import type { Artifact } from "../artifact.ts";
import type { MirrorFailure } from "../failures.ts";
import { storedHash } from "../files/content-links.ts";
import { openFolderFile } from "../files/folder-file.ts";
import type { MirrorParts } from "../mirror-parts.ts";
import type { BundleSource, BundleTarget, OpenedContent } from "./bundle-source.ts";

type Opened = Result<OpenedContent | null, MirrorFailure>;

export function bundleSource(parts: MirrorParts): BundleSource {
  return {
    page: (project, mayAsk) => parts.pages.whole(project, mayAsk),
    async open(project, { filename }, kind, mayAsk): Promise<Opened> {
      const found = await parts.pages.find(project, filename, kind);
      if (!found.ok) return found;
      const { artifact, hiddenBy } = found.value;
      if (hiddenBy !== null) return fail({ code: "HIDDEN_BY_POLICY", project, filename, rule: hiddenBy.rule, reason: hiddenBy.reason });
      const kept = await openKept(parts, artifact);
      return kept.ok && kept.value === null && mayAsk ? openFetched(parts, artifact) : kept;
    },
  };
}

export function bundleTarget({ config, pages, store }: MirrorParts): BundleTarget {
  return {
    maxBytes: config.cacheMaxBytes,
    async has(sha256) {
      const opened = await store.open(sha256);
      if (!opened.ok || opened.value === null) return opened.ok ? ok(false) : opened;
      const reader = opened.value;
      const digest = await digestOf(reader, 0, reader.sizeBytes);
      await reader.close();
      if (!digest.ok) return digest;
      if (digest.value === sha256) return ok(true);
      const removed = await store.remove(sha256);
      return removed.ok ? ok(false) : removed;
    },
    begin: () => store.begin(),
    commit: (partial, content) => store.commit(partial, content),
    keptPage: (project) => pages.whole(project, false),
    keepPage: (page) => pages.adopt(page),
  };
}

async function openKept({ store, links }: MirrorParts, artifact: Artifact): Promise<Opened> {
  const { hashes, source } = artifact;
  if (source.kind === "folder") {
    const opened = await openFolderFile(source);
    if (!opened.ok) return opened;
    return ok(typeof opened.value === "string" ? null : { sha256: hashes["sha256"]!, reader: opened.value });
  }
  const sha256 = await storedHash(links, artifact);
  return sha256 === null ? ok(null) : openStored(store, sha256);
}

async function openFetched({ config, store, transfers }: MirrorParts, artifact: Artifact): Promise<Opened> {
  const { filename } = artifact;
  if (config.upstream.offline) return fail({ code: "OFFLINE", what: filename });
  const transfer = transfers.join(artifact);
  await transfer.ended;
  transfer.leave();
  if (transfer.failure !== null) return fail(transfer.failure);
  const { sha256, sizeBytes } = transfer.content!;
  const opened = await openStored(store, sha256);
  if (!opened.ok || opened.value !== null) return opened;
  const room = `the cache keeps ${config.cacheMaxBytes} bytes, or its disk is full`;
  return fail(notKept(`${filename} came with ${sizeBytes} bytes and was not kept: ${room}. Raise --cache-size, or free some space`));
}

async function openStored(store: MirrorParts["store"], sha256: string): Promise<Opened> {
  const opened = await store.open(sha256);
  return opened.ok && opened.value !== null ? ok({ sha256, reader: opened.value }) : opened.ok ? ok(null) : opened;
}

function notKept(message: string): StoreFault {
  return { code: "STORAGE_FULL", message };
}
