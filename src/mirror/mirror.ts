/**
 * Mirror: joins its parts and listens. Nothing of upstream, pages or files is
 * loaded or opened before it is needed, except what proves that the cache
 * folder is ours: the time to the first answer is a promise.
 */
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { MirrorConfig } from "../config/mirror-config.ts";
import { createListener, type Listener } from "../http/listener.ts";
import { type ContentStore, openContentStore } from "../store/content/open-content-store.ts";
import { KvStore } from "../store/kv-store.ts";
import { StoreClient } from "../store/store-client.ts";
import type { Artifact } from "./artifact.ts";
import { createClientAuth } from "./client-auth.ts";
import { MirrorCounters } from "./counters.ts";
import { createFace } from "./face/face.ts";
import { ContentLinks } from "./files/content-links.ts";
import { FileAnswers } from "./files/file-answers.ts";
import type { TransferParts } from "./files/transfer.ts";
import { download } from "./files/transfer-source.ts";
import { Transfers } from "./files/transfers.ts";
import { MirrorFront } from "./front.ts";
import type { MirrorLog } from "./log.ts";
import { Observer } from "./observer.ts";
import { openPackagesFolder } from "./packages/open-packages-folder.ts";
import type { Packages } from "./packages/packages.ts";
import { openPages } from "./pages/open-pages.ts";
import type { Pages } from "./pages/pages.ts";
import { Prefetch } from "./prefetch.ts";
import { openUpstream } from "./upstream/open-upstream.ts";
import type { Upstream } from "./upstream/upstream.ts";

/** How long answers under way may still take when the mirror stops. */
const DRAIN_GRACE_MS = 10_000;

export interface MirrorOptions {
  readonly log: MirrorLog;
  readonly nowMs: () => number;
}

export interface Mirror {
  /** Resolves with the port. */
  start(): Promise<Result<number, Failure>>;
  /** Finishes answers under way; transfers that nobody waits for are given up. */
  stop(): Promise<void>;
}

/** What the mirror is made of, for the commands that work on a cache without listening. */
export interface MirrorParts {
  readonly config: MirrorConfig;
  readonly counters: MirrorCounters;
  readonly store: ContentStore;
  readonly links: ContentLinks;
  readonly upstream: Upstream;
  readonly pages: Pages;
  readonly transfers: Transfers;
  close(): Promise<void>;
}

export async function openMirror(config: MirrorConfig, options: MirrorOptions): Promise<Result<Mirror, Failure>> {
  const opened = await openParts(config, options);
  return opened.ok ? ok(new ListeningMirror(opened.value, options)) : opened;
}

export async function openParts(config: MirrorConfig, { log, nowMs }: MirrorOptions): Promise<Result<MirrorParts, Failure>> {
  const { cacheDir, storage, cacheMaxBytes } = config;
  const store = await openContentStore({ dir: cacheDir, storage, maxBytes: cacheMaxBytes, log, nowMs });
  if (!store.ok) return store;
  const packages = await openPackages(config, log);
  if (!packages.ok) {
    await store.value.close();
    return packages;
  }
  const counters = new MirrorCounters();
  const upstream = openUpstream({ indexes: config.indexes, upstream: config.upstream, log, nowMs });
  const client = new StoreClient(cacheDir);
  const kv = new KvStore(client);
  const links = new ContentLinks(kv);
  const stopping = new AbortController();
  const transfers = new Transfers(
    (artifact) => transferParts(artifact, { config, counters, store: store.value, links, upstream, log, signal: stopping.signal }),
    config.upstream.downloadsMax,
  );
  const prefetch = new Prefetch({ versions: config.prefetchVersions, transfers, store: store.value, counters });
  const pages = openPages({
    config,
    upstream,
    packages: packages.value,
    counters,
    log,
    nowMs,
    onFetched: (project) => void prefetch.warm(project, pages),
  });
  return ok({
    config,
    counters,
    store: store.value,
    links,
    upstream,
    pages,
    transfers,
    async close() {
      stopping.abort();
      await transfers.settled();
      await Promise.all([pages.close(), upstream.close()]);
      packages.value?.close();
      await client.close();
      kv.close();
      await store.value.close();
    },
  });
}

async function openPackages({ packagesDir }: MirrorConfig, log: MirrorLog): Promise<Result<Packages | null, Failure>> {
  return packagesDir === null ? ok(null) : openPackagesFolder(packagesDir, { log });
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
  const { config, counters, store, links, upstream, log, signal } = world;
  const counts = counters.byKind[artifact.kind];
  return {
    store,
    download: (wanted) => countedDownload(wanted, world, config.upstream.parallelRanges),
    onVerified(content, checked) {
      if (!checked) log("debug", `${artifact.filename} was kept unverified: its index promises no hash`, { project: artifact.project });
      const { hashes, source } = artifact;
      if (hashes["sha256"] === undefined && source.kind === "index") void links.link(source.url, content.sha256);
    },
    onNotKept: (fault) => log("error", `Cannot keep ${artifact.filename}: ${fault.message}`, { code: fault.code }),
  };
}

async function* countedDownload(
  artifact: Artifact,
  { config, counters, upstream, signal }: TransferWorld,
  parallelRanges: number,
): AsyncIterable<DownloadEvent> {
  const counts = counters.byKind[artifact.kind];
  counts.upstreamRequests++;
  counters.transfersOpen++;
  try {
    for await (const event of download({ upstream, artifact, limits: { ...config.upstream, parallelRanges }, signal })) {
      if (event.kind === "chunk") counts.receivedBytes += event.bytes.length;
      yield event;
    }
  } finally {
    counters.transfersOpen--;
  }
}

class ListeningMirror implements Mirror {
  readonly #parts: MirrorParts;
  readonly #listener: Listener;

  constructor(parts: MirrorParts, { log, nowMs }: MirrorOptions) {
    const { config, counters, pages, store, transfers, links } = parts;
    const files = new FileAnswers({
      store,
      transfers,
      links,
      binaryMimeType: config.binaryFileMimeType,
      offline: config.upstream.offline,
      onServed: (artifact, outcome, bytes) => counters.served(artifact.kind, outcome, artifact.project, bytes),
    });
    const logsAnswers = config.log.level === "info" || config.log.level === "debug";
    const front = new MirrorFront({
      pages,
      files,
      face: createFace(parts, files, nowMs),
      auth: config.clients === null ? null : createClientAuth(config.clients),
      counters,
      observer: new Observer(counters, logsAnswers ? log : null),
      log,
    });
    this.#parts = parts;
    this.#listener = createListener({
      limits: config.http,
      tls: config.tls,
      onExchange: front.handle,
      onInvalidAnswer: (exchange, reason) => log("error", reason, { path: exchange.target }),
      log,
    });
  }

  async start(): Promise<Result<number, Failure>> {
    const { host, port } = this.#parts.config;
    try {
      return ok(await this.#listener.listenTcp({ host, port }));
    } catch (error) {
      await this.#parts.close();
      return fail(listenFailure(host, port, error));
    }
  }

  async stop(): Promise<void> {
    await this.#listener.drain(DRAIN_GRACE_MS);
    await this.#parts.close();
  }
}

function listenFailure(host: string, port: number, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === "EADDRINUSE" ? "the port is taken" : code === "EACCES" ? "no permission for this port" : message;
  return { code: "LISTEN_FAILED", message: `Cannot listen on ${host}:${port}: ${reason}`, hint: "Give another port: --port PORT" };
}
