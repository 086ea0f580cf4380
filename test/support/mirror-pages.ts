/**
 * The mirror's pages on a bench: an upstream that answers by script, a clock
 * that stands still, and a cache folder that outlives what is opened on it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Result } from "../../src/base/result.ts";
import { DAY_MS, MINUTE_MS } from "../../src/base/units.ts";
import type { IndexConfig, MirrorConfig, UpstreamConfig } from "../../src/config/mirror-config.ts";
import { MirrorCounters } from "../../src/mirror/counters.ts";
import type { MirrorFailure, UpstreamFailure } from "../../src/mirror/failures.ts";
import { folderUrl } from "../../src/mirror/packages/folder-url.ts";
import type { Packages } from "../../src/mirror/packages/packages.ts";
import { openPages } from "../../src/mirror/pages/open-pages.ts";
import type { Pages, Represented } from "../../src/mirror/pages/pages.ts";
import { type Upstream, type UpstreamAnswer, UpstreamError, type UpstreamRequest } from "../../src/mirror/upstream/upstream.ts";

export const JSON_TYPE = "application/vnd.pypi.simple.v1+json";
export const FIRST_URL = "https://one.index.example/simple/";
export const SECOND_URL = "https://two.index.example/simple/";
/** Some day of 2025. */
export const START_MS = 1_750_000_000_000;
export const TTL_MS = 30 * MINUTE_MS;
export const NEGATIVE_TTL_MS = MINUTE_MS;
export const STALE_IF_ERROR_MS = DAY_MS;
export const PAGE_MAX_BYTES = 2_000_000;

export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Where redirects led. */
  readonly url?: string;
}

type Scripted = ScriptedAnswer | UpstreamFailure;
type Script = (request: UpstreamRequest) => Scripted | Promise<Scripted>;

/** What nobody wrote a script for is not there. */
export class ScriptedUpstream implements Upstream {
  readonly requests: UpstreamRequest[] = [];
  /** What every request meets, when it is set. */
  failure: UpstreamFailure | null = null;
  readonly #scripts = new Map<string, Script>();

  on(url: string, script: Scripted | Script): void {
    this.#scripts.set(url, typeof script === "function" ? script : () => script);
  }

  remove(url: string): void {
    this.#scripts.delete(url);
  }

  count(url: string): number {
    return this.requests.filter((request) => request.url === url).length;
  }

  async request(request: UpstreamRequest): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
    this.requests.push(request);
    if (this.failure !== null) return { ok: false, failure: this.failure };
    const scripted: Scripted = (await this.#scripts.get(request.url)?.(request)) ?? { status: 404 };
    if ("code" in scripted) return { ok: false, failure: scripted };
    return { ok: true, value: answerOf(request.url, scripted) };
  }

  health() {
    return [];
  }

  async close(): Promise<void> {}
}

function answerOf(asked: string, { status = 200, headers = {}, body = "", url = asked }: ScriptedAnswer): UpstreamAnswer {
  const whole = typeof body === "string" ? Buffer.from(body) : body;
  return {
    status,
    url,
    header: (name) => headers[name] ?? null,
    body: whole instanceof Uint8Array ? inChunks(whole) : whole,
    discard() {},
  };
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** Breaks off after `bytes`. */
export async function* brokenBody(url: string, bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
  throw new UpstreamError({ code: "UPSTREAM_TRUNCATED", url, gotBytes: bytes.length, wantedBytes: null });
}

export const DOWN: UpstreamFailure = { code: "UPSTREAM_UNREACHABLE", url: FIRST_URL, reason: "connection refused" };

export interface FileFacts {
  readonly uploadTime?: string;
  readonly metadata?: boolean;
  readonly url?: string;
}

/** "1.0" -> "name-1.0.tar.gz", and so on. */
export function fileName(project: string, version: string): string {
  return `${project.replaceAll("-", "_")}-${version}.tar.gz`;
}

export function pageJson(project: string, versions: Readonly<Record<string, FileFacts>>, status: string | null = null): string {
  const files = Object.entries(versions).map(([version, { uploadTime, metadata = false, url }]) => ({
    filename: fileName(project, version),
    url: url ?? `https://files.index.example/${fileName(project, version)}`,
    hashes: { sha256: "ab".repeat(32) },
    "core-metadata": metadata ? { sha256: "cd".repeat(32) } : false,
    ...(uploadTime === undefined ? {} : { "upload-time": uploadTime }),
  }));
  const state = status === null ? {} : { "project-status": { status, reason: "malware" } };
  return JSON.stringify({ meta: { "api-version": "1.4" }, name: project, versions: Object.keys(versions), files, ...state });
}

export function page(text: string, etag: string | null = null): ScriptedAnswer {
  return { body: text, headers: { "content-type": JSON_TYPE, ...(etag === null ? {} : { etag }) } };
}

/** Answers 304 to its tag. */
export function taggedPage(text: string, etag: string): Script {
  return ({ headers }) => (headers["if-none-match"] === etag ? { status: 304 } : page(text, etag));
}

export function indexConfig(name: string, url: string, ttlMs = TTL_MS): IndexConfig {
  return { name, url, ttlMs, auth: null };
}

export interface BenchOptions {
  readonly config?: Partial<Omit<MirrorConfig, "upstream">> & { readonly upstream?: Partial<UpstreamConfig> };
  readonly packages?: Packages | null;
}

export interface Bench {
  readonly folder: string;
  readonly upstream: ScriptedUpstream;
  readonly clock: { nowMs: number };
  /** Of all that was logged, "level message". */
  readonly logged: string[];
  readonly fetched: string[];
  readonly counters: MirrorCounters;
  open(options?: BenchOptions): Pages;
}

export function pagesBench(t: TestContext): Bench {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-pages-"));
  const upstream = new ScriptedUpstream();
  const clock = { nowMs: START_MS };
  const [logged, fetched]: [string[], string[]] = [[], []];
  const counters = new MirrorCounters();
  const opened: Pages[] = [];
  t.after(async () => {
    await Promise.all(opened.map((pages) => pages.close()));
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    folder,
    upstream,
    clock,
    logged,
    fetched,
    counters,
    open({ config = {}, packages = null } = {}) {
      const pages = openPages({
        config: mirrorConfig(folder, config),
        upstream,
        packages,
        counters,
        log: (level, message) => logged.push(`${level} ${message}`),
        nowMs: () => clock.nowMs,
        onFetched: (project) => fetched.push(project),
      });
      opened.push(pages);
      return pages;
    },
  };
}

function mirrorConfig(cacheDir: string, { upstream, ...given }: NonNullable<BenchOptions["config"]>): MirrorConfig {
  return {
    host: "127.0.0.1",
    port: 0,
    tls: null,
    http: {} as MirrorConfig["http"],
    cacheDir,
    cacheMaxBytes: 0,
    storage: { kind: "local" },
    indexes: [indexConfig("index-1", FIRST_URL)],
    packagesDir: null,
    pins: [],
    policy: { mode: "enforce", rules: [], cooldownMs: 0, cooldownExempt: [] },
    upstream: {
      connectTimeoutMs: 1_000,
      readTimeoutMs: 1_000,
      retriesMax: 0,
      retryDelayMs: 0,
      downloadsMax: 1,
      parallelRanges: 1,
      caFile: null,
      verifyTls: true,
      offline: false,
      staleIfErrorMs: STALE_IF_ERROR_MS,
      negativeTtlMs: NEGATIVE_TTL_MS,
      pageMaxBytes: PAGE_MAX_BYTES,
      listMaxBytes: 64_000_000,
      fileMaxBytes: 0,
      ...upstream,
    },
    responseCacheTtlMs: 5 * MINUTE_MS,
    responseCacheMaxBytes: 64_000_000,
    prefetchVersions: 0,
    binaryFileMimeType: false,
    clients: null,
    log: { level: "info", format: "json", color: false },
    ...given,
  };
}

/** A folder of packages that holds these pages. */
export function packagesOf(pages: Readonly<Record<string, readonly string[]>>): Packages & { revision: number } {
  return {
    revision: 1,
    names: () => Object.keys(pages),
    owns: (project) => Object.hasOwn(pages, project),
    async page(project) {
      const files = pages[project]?.map((filename) => ({
        filename,
        url: folderUrl({ path: `/packages/${filename}`, stamp: "1" }),
        hashes: {},
        requiresPython: null,
        sizeBytes: 1,
        uploadTime: null,
        yanked: false,
        coreMetadata: false,
        gpgSignature: null,
        provenance: null,
      }));
      if (files === undefined) return null;
      return { name: project, files, versions: [], status: null, tracks: [], alternateLocations: [], lastSerial: null };
    },
    close() {},
  };
}

export async function must<Value>(outcome: Promise<Result<Value, MirrorFailure>>): Promise<Value> {
  const result = await outcome;
  if (!result.ok) throw new Error(`${result.failure.code}: ${JSON.stringify(result.failure)}`);
  return result.value;
}

export async function failureOf(outcome: Promise<Result<unknown, MirrorFailure>>): Promise<string> {
  const result = await outcome;
  return result.ok ? "no failure" : result.failure.code;
}

/** Names of the files on a page in JSON, with how the answer came about. */
export async function listed(pages: Pages, project: string): Promise<[outcome: string, ...files: string[]]> {
  const { representation, outcome } = await must(pages.represent(project, "json", "identity"));
  return [outcome, ...filesOf({ representation, outcome })];
}

export function filesOf({ representation }: Represented): string[] {
  const { files } = JSON.parse(Buffer.from(representation.bytes).toString()) as { files: { filename: string }[] };
  return files.map(({ filename }) => filename);
}
