/**
 * The tests' index: a simple repository on loopback whose content, style and
 * faults a test sets while it runs, and which remembers every request. What
 * it says is the truth that mirrors are held against, so nothing of the
 * mirror's own is used here.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { type Distribution, digest, normalise } from "./distributions.ts";
import { type Faults, type Sending, sendBody, sendEndless } from "./faults.ts";
import { JSON_TYPE, type PageStyle, PLAIN_STYLE, type Project, type Published, renderList, renderProject } from "./upstream-pages.ts";

export interface RecordedRequest extends Sending {
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly startedAtMs: number;
  status: number;
}

export type Credentials = { readonly username: string; readonly password: string } | { readonly token: string };

export interface PublishOptions {
  readonly uploadTime?: string;
  readonly yanked?: boolean | string;
  readonly provenance?: unknown;
  readonly signature?: Buffer;
}

export interface Upstream extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly origin: string;
  readonly indexUrl: string;
  /** Changed in place. */
  readonly style: PageStyle;
  /** By path, query excluded. */
  readonly faults: Map<string, Faults>;
  /** Null asks nobody for any. */
  credentials: Credentials | null;
  readonly requests: readonly RecordedRequest[];
  publish(distribution: Distribution, options?: PublishOptions): Published;
  /** The project as it is told from now on; made when there is none. */
  project(name: string): Project;
  /** An answer of its own for a path, in place of what the index would say. */
  answer(path: string, contentType: string, text: string): void;
  count(path: string, method?: string): number;
  requestsOf(path: string): readonly RecordedRequest[];
  /** Resolves when one request for a path was sent so many bytes, or has ended. */
  sent(path: string, bytes: number): Promise<void>;
  /** Refuses connections, and ends those that there are. */
  down(): Promise<void>;
  up(): Promise<void>;
}

interface Content {
  readonly contentType: string | null;
  readonly bytes: Buffer;
}

const SENT_MAX_MS = 20_000;
const UPLOADED = "2024-03-01T12:00:00.000000Z";

export function pagePath(project: string): string {
  return `/simple/${normalise(project)}/`;
}

export async function startUpstream(style: Partial<PageStyle> = {}): Promise<Upstream> {
  const index = new UpstreamDouble(style);
  await index.up();
  return index;
}

class UpstreamDouble implements Upstream {
  readonly style: PageStyle;
  readonly faults = new Map<string, Faults>();
  credentials: Credentials | null = null;
  readonly requests: RecordedRequest[] = [];
  readonly #projects = new Map<string, Project>();
  readonly #answers = new Map<string, Content>();
  readonly #files = new Map<string, Content>();
  // Keep-alive must outlast the mirror's idea of it: a connection that dies between two requests is a fault of its own.
  readonly #server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => this.#take(request, response));
  #port = 0;

  constructor(style: Partial<PageStyle>) {
    this.style = { ...PLAIN_STYLE, ...style };
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get indexUrl(): string {
    return `${this.origin}/simple/`;
  }

  publish(distribution: Distribution, options: PublishOptions = {}): Published {
    const { uploadTime = UPLOADED, yanked = false, provenance = null, signature = null } = options;
    const path = `/files/${distribution.project}/${encodeURIComponent(distribution.filename)}`;
    const proof = provenance === null ? null : { path: `${path}/provenance`, bytes: Buffer.from(JSON.stringify(provenance)) };
    const published: Published = { ...distribution, path, uploadTime, yanked, provenance: proof, signature };
    this.#files.set(path, { contentType: "application/octet-stream", bytes: distribution.bytes });
    if (distribution.metadata !== null) {
      this.#files.set(`${path}.metadata`, { contentType: "application/octet-stream", bytes: distribution.metadata });
    }
    if (proof !== null) this.#files.set(proof.path, { contentType: "application/vnd.pypi.integrity.v1+json", bytes: proof.bytes });
    if (signature !== null) this.#files.set(`${path}.asc`, { contentType: "application/pgp-signature", bytes: signature });
    const project = this.project(distribution.project);
    project.files = [...project.files.filter(({ filename }) => filename !== distribution.filename), published];
    return published;
  }

  project(name: string): Project {
    const key = normalise(name);
    const known = this.#projects.get(key);
    if (known !== undefined) return known;
    const project: Project = { name: key, files: [], status: null, tracks: [], alternateLocations: [] };
    this.#projects.set(key, project);
    return project;
  }

  answer(path: string, contentType: string, text: string): void {
    this.#answers.set(path, { contentType, bytes: Buffer.from(text) });
  }

  count(path: string, method = "GET"): number {
    return this.requestsOf(path).filter((request) => request.method === method).length;
  }

  requestsOf(path: string): readonly RecordedRequest[] {
    return this.requests.filter((request) => request.path === path);
  }

  async sent(path: string, bytes: number): Promise<void> {
    const deadlineMs = performance.now() + SENT_MAX_MS;
    while (!this.requestsOf(path).some(({ sentBytes, endedAtMs }) => sentBytes >= bytes || endedAtMs !== null)) {
      if (performance.now() > deadlineMs) throw new Error(`${path}: nobody was sent ${bytes} bytes within ${SENT_MAX_MS} ms`);
      await sleep(1);
    }
  }

  async up(): Promise<void> {
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? "/").split("?")[0]!;
    const record: RecordedRequest = {
      method: request.method ?? "",
      path,
      headers: request.headers,
      startedAtMs: performance.now(),
      status: 0,
      sentBytes: 0,
      endedAtMs: null,
      isComplete: false,
    };
    this.requests.push(record);
    response.on("error", () => {});
    response.on("close", () => {
      record.endedAtMs = performance.now();
    });
    void this.#answer(path, request, response, record);
  }

  async #answer(path: string, request: IncomingMessage, response: ServerResponse, record: RecordedRequest): Promise<void> {
    const faults = this.#faultsFor(path);
    if (faults.hang === true) return;
    if (faults.delayMs !== undefined) await sleep(faults.delayMs);
    if (!this.#isAdmitted(request)) return plain(response, record, 401, { "www-authenticate": 'Basic realm="index"' });
    if (faults.redirectTo !== undefined) return plain(response, record, faults.status ?? 302, { location: faults.redirectTo });
    if (faults.status !== undefined) return plain(response, record, faults.status, faults.headers ?? {});
    if (faults.endless !== undefined) {
      const { encoding } = faults.endless;
      record.status = 200;
      response.writeHead(200, {
        "content-type": faults.contentType ?? JSON_TYPE,
        ...(encoding !== undefined && { "content-encoding": encoding }),
      });
      return sendEndless(response, faults.endless, record);
    }
    if (/^\/simple\/[^/]+$/.test(path)) return plain(response, record, 301, { location: `${path}/` });
    const content = this.#content(path, request.headers.accept ?? "");
    if (content === null) return plain(response, record, 404, {});
    await sendContent(content, faults, request, response, record);
  }

  #faultsFor(path: string): Faults {
    const faults = this.faults.get(path) ?? {};
    if (faults.times === 1) this.faults.delete(path);
    else if (faults.times !== undefined) this.faults.set(path, { ...faults, times: faults.times - 1 });
    return faults;
  }

  #isAdmitted({ headers }: IncomingMessage): boolean {
    if (this.credentials === null) return true;
    const wanted =
      "token" in this.credentials
        ? `Bearer ${this.credentials.token}`
        : `Basic ${Buffer.from(`${this.credentials.username}:${this.credentials.password}`).toString("base64")}`;
    return headers.authorization === wanted;
  }

  #content(path: string, accept: string): Content | null {
    const own = this.#answers.get(path) ?? this.#files.get(path);
    if (own !== undefined) return own;
    const wantsJson = this.style.format === "json" && accept.includes(JSON_TYPE);
    if (path === "/simple/") {
      const page = renderList([...this.#projects.keys()], wantsJson);
      return { contentType: page.contentType, bytes: Buffer.from(page.text) };
    }
    const project = this.#projects.get(/^\/simple\/([^/]+)\/$/.exec(path)?.[1] ?? "");
    if (project === undefined) return null;
    const page = renderProject(project, this.style, wantsJson, this.origin);
    return { contentType: page.contentType, bytes: Buffer.from(page.text) };
  }
}

function plain(response: ServerResponse, record: RecordedRequest, status: number, headers: Readonly<Record<string, string>>): void {
  record.status = status;
  record.isComplete = true;
  response.writeHead(status, { "content-type": "text/plain", ...headers }).end(`${status}\n`);
}

async function sendContent(
  content: Content,
  faults: Faults,
  request: IncomingMessage,
  response: ServerResponse,
  record: RecordedRequest,
): Promise<void> {
  let body = content.bytes;
  if (faults.corrupt === true) {
    body = Buffer.from(body);
    const middle = body.length >> 1;
    body[middle] = body[middle]! ^ 0xff;
  }
  if (faults.shortenToBytes !== undefined) body = body.subarray(0, faults.shortenToBytes);
  if (faults.gzip === true) body = gzipSync(body);
  // Of what it should be: a fault of the way there doesn't change what the index believes it has.
  const etag = `"${digest(content.bytes, "hex").slice(0, 32)}"`;
  const type = faults.contentType === undefined ? content.contentType : faults.contentType;
  const headers: Record<string, string> = {
    ...(type !== null && { "content-type": type }),
    ...(faults.gzip === true && { "content-encoding": "gzip" }),
    ...(faults.noRanges !== true && { etag, "accept-ranges": "bytes" }),
    ...faults.headers,
  };
  let status = 200;
  if (faults.noRanges !== true) {
    const noneMatch = request.headers["if-none-match"];
    if (noneMatch !== undefined && (noneMatch === "*" || noneMatch.includes(etag))) {
      record.status = 304;
      response.writeHead(304, headers).end();
      record.isComplete = true;
      return;
    }
    const range = wantedRange(request, etag, body.length);
    if (range === "unsatisfiable") {
      record.status = 416;
      response.writeHead(416, { ...headers, "content-range": `bytes */${body.length}` }).end();
      return;
    }
    if (range !== null) {
      status = 206;
      headers["content-range"] = `bytes ${range.start}-${range.end - 1}/${body.length}`;
      body = body.subarray(range.start, range.end);
    }
  }
  if (faults.chunked !== true) headers["content-length"] = String(body.length);
  record.status = status;
  response.writeHead(status, headers);
  response.flushHeaders();
  if (request.method === "HEAD") response.end();
  else await sendBody(response, body, faults, record);
}

/** RFC 9110, section 14: one range is understood, anything else is passed over. */
function wantedRange(request: IncomingMessage, etag: string, size: number): { start: number; end: number } | "unsatisfiable" | null {
  if (request.method !== "GET") return null;
  const ifRange = request.headers["if-range"];
  if (ifRange !== undefined && ifRange !== etag) return null;
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return null;
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? size : Math.min(size, Number(match[2]) + 1);
  return start >= end ? "unsatisfiable" : { start, end };
}
