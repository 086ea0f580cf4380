/**
 * Mirror parts: what the mirror is made of, joined. Commands that work on a
 * cache without listening (bundles) use them as they are. What a mirror that
 * has what it is asked for doesn't need is loaded when it is needed: the time
 * to the first answer is a promise.
 */
import { type Failure, ok, type Result } from "../base/result.ts";
import type { MirrorConfig } from "../config/mirror-config.ts";
import type { ContentStore } from "../store/content/content-store.ts";
import { openContentStore } from "../store/content/open-content-store.ts";
import { KvStore } from "../store/kv-store.ts";
import { StoreClient } from "../store/store-client.ts";
import type { Artifact } from "./artifact.ts";
import { MirrorCounters } from "./counters.ts";
import { oncePerFailure } from "./failure-log.ts";
import { ContentLinks } from "./files/content-links.ts";
import { shownSource } from "./files/shown-source.ts";
import type { TransferParts } from "./files/transfer.ts";
import type { DownloadEvent, DownloadStart } from "./files/transfer-source.ts";
import { Transfers } from "./files/transfers.ts";
import type { MirrorLog } from "./log.ts";
import type { Packages } from "./packages/packages.ts";
import { openPages } from "./pages/open-pages.ts";
import type { Pages } from "./pages/pages.ts";
import type { PrefetchParts } from "./prefetch.ts";
import { lazyUpstream } from "./upstream/lazy-upstream.ts";
import type { Upstream } from "./upstream/upstream.ts";

export interface MirrorOptions {
  readonly log: MirrorLog;
  readonly nowMs: () => number;
}

export interface MirrorParts {
  readonly config: MirrorConfig;
  readonly counters: MirrorCounters;
  /** Tells each failure once. */
  readonly log: MirrorLog;
  readonly store: ContentStore;
  readonly links: ContentLinks;
  readonly upstream: Upstream;
  readonly pages: Pages;
  readonly transfers: Transfers;
  /** An artifact's bytes in the order of the file, from its index, not kept. */
  relayed(artifact: Artifact): AsyncIterable<DownloadEvent>;
  /** Transfers under way are given up. */
  close(): Promise<void>;
}

export async function openParts(config: MirrorConfig, options: MirrorOptions): Promise<Result<MirrorParts, Failure>> {
  const { nowMs } = options;
  const log = oncePerFailure(options.log);
  const { cacheDir, storage, cacheMaxBytes } = config;
  const opened = await openContentStore({ dir: cacheDir, storage, maxBytes: cacheMaxBytes, log, nowMs });
  if (!opened.ok) return opened;
  const store = opened.value;
  const packages = await openPackages(config, log);
  if (!packages.ok) {
    await store.close();
    return packages;
  }
  const counters = new MirrorCounters();
  const upstream = lazyUpstream(
    config.indexes.map(({ name }) => name),
    async () =>
      (await import("./upstream/open-upstream.ts")).openUpstream({ indexes: config.indexes, upstream: config.upstream, log, nowMs }),
  );
  const client = new StoreClient(cacheDir);
  const kv = new KvStore(client);
  const stopping = new AbortController();
  const world = { config, counters, store, links: new ContentLinks(kv, nowMs), upstream, log, signal: stopping.signal };
  const transfers = new Transfers((artifact) => transferParts(artifact, world), config.upstream.downloadsMax);
  const pages: Pages = openPages({
    config,
    upstream,
    packages: packages.value,
    counters,
    log,
    nowMs,
    onFetched: (project) => {
      if (config.prefetchVersions === 0) return;
      warm(project, { pages, transfers, store, counters, versions: config.prefetchVersions }).catch((error: unknown) => {
        log("error", `Cannot prefetch for ${project}: ${String(error)}`);
      });
    },
  });
  return ok({
    ...world,
    pages,
    transfers,
    relayed: (artifact) => countedDownload(artifact, world, 1, null),
    async close() {
      stopping.abort();
      await transfers.settled();
      await Promise.all([pages.close(), upstream.close()]);
      packages.value?.close();
      await client.close();
      kv.close();
      await store.close();
    },
  });
}

async function openPackages({ packagesDir, pins }: MirrorConfig, log: MirrorLog): Promise<Result<Packages | null, Failure>> {
  if (packagesDir === null) return ok(null);
  const { openPackagesFolder } = await import("./packages/open-packages-folder.ts");
  const opened = await openPackagesFolder(packagesDir, { log });
  if (opened.ok && pins.length > 0) {
    const { describeIdlePin, idlePins } = await import("./idle-pins.ts");
    for (const pin of idlePins(pins, opened.value.names())) {
      const hint = "Take the files out of the folder, or the pin out of the configuration";
      log("warn", describeIdlePin(pin, packagesDir), { code: "MIRROR_PIN_IDLE", hint });
    }
  }
  return opened;
}

async function warm(project: string, parts: PrefetchParts): Promise<void> {
  const { prefetch } = await import("./prefetch.ts");
  await prefetch(project, parts);
}

interface TransferWorld {
  readonly config: MirrorConfig;
  readonly counters: MirrorCounters;
  readonly store: ContentStore;
  readonly links: ContentLinks;
  readonly upstream: Upstream;
  readonly log: MirrorLog;
  readonly signal: AbortSignal;
}

function transferParts(artifact: Artifact, world: TransferWorld): TransferParts {
  const { config, store, links, log } = world;
  return {
    store,
    download: (wanted, from) => countedDownload(wanted, world, config.upstream.parallelRanges, from),
    onVerified(content, checked) {
      if (!checked) log("debug", `${artifact.filename} was kept unverified: its index promises no hash`, { project: artifact.project });
      const { hashes, source } = artifact;
      if (hashes["sha256"] === undefined && source.kind === "index") void links.link(artifact, content.sha256);
    },
    onGivenUp() {
      const message = `${artifact.filename} is given up until it is asked for again: nobody waits for it, and it comes too slowly`;
      log("info", message, { project: artifact.project });
    },
    onNotKept: (fault) => log("error", `Cannot keep ${artifact.filename}: ${fault.message}`, { code: fault.code }),
  };
}

async function* countedDownload(
  artifact: Artifact,
  { config, counters, upstream, signal }: TransferWorld,
  parallelRanges: number,
  from: DownloadStart | null,
): AsyncGenerator<DownloadEvent, void, void> {
  const { kind, source } = artifact;
  if (source.kind === "index" && config.indexes.every(({ name }) => name !== source.index)) {
    const { UpstreamError } = await import("./upstream/upstream.ts");
    const reason = `it came in a bundle from the index ${source.index}, which this mirror doesn't have`;
    throw new UpstreamError({ code: "UPSTREAM_UNREACHABLE", url: shownSource(artifact), reason });
  }
  const counts = counters.byKind[kind];
  const counted: Upstream = {
    ...upstream,
    request(request) {
      counts.upstreamRequests++;
      return upstream.request(request);
    },
  };
  counters.transfersOpen++;
  try {
    const { download } = await import("./files/transfer-source.ts");
    for await (const event of download({ upstream: counted, artifact, limits: { ...config.upstream, parallelRanges }, signal, from })) {
      if (event.kind === "chunk") counts.receivedBytes += event.bytes.length;
      yield event;
    }
  } finally {
    counters.transfersOpen--;
  }
}
