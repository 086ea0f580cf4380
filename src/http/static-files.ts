/**
 * Static files under a prefix: conditional requests, ranges, stored compressed
 * forms, an LRU of small files, streams of large ones. Answers from the cache
 * take no turn of the event loop. Rules of RFC 9110 sections 13 and 14.
 */
import { realpathSync } from "node:fs";
import { open } from "node:fs/promises";
import { type ByteRange, parseRange } from "./byte-range.ts";
import { chooseCoding } from "./content-coding.ts";
import { matchesIfRange, matchesNoneMatch } from "./entity-tag.ts";
import { answerError } from "./error-answer.ts";
import type { Exchange } from "./exchange.ts";
import { type Representation, StaticCache, type StaticFile } from "./static-cache.ts";
import { loadStaticFile } from "./static-load.ts";
import { staticSegments } from "./static-path.ts";

export interface StaticFilesOptions {
  /** Absolute folder; must exist. */
  readonly root: string;
  /** Begins and ends with a slash: "/static/". */
  readonly prefix: string;
  readonly cacheMaxBytes: number;
  readonly cacheMaxFileBytes: number;
}

export interface StaticFiles {
  /** Answers an exchange whose target begins with the prefix; settles when the last byte was handed over. */
  handle(exchange: Exchange): Promise<void> | null;
  readonly cachedBytes: number;
}

const CHECK_INTERVAL_MS = 1_000;
const CHUNK_BYTES = 64 * 1024;

export function createStaticFiles(options: StaticFilesOptions): StaticFiles {
  const { prefix, cacheMaxFileBytes } = options;
  const root = realpathSync(options.root);
  const cache = new StaticCache(options.cacheMaxBytes);

  async function load(path: string, known: StaticFile | undefined): Promise<StaticFile | null> {
    const segments = staticSegments(path);
    // What can't be read, or is gone again, is no file to the client; an error from here would end the worker.
    const file = segments && (await loadStaticFile(root, segments, cacheMaxFileBytes, known, performance.now()).catch(() => null));
    if (file === null) cache.delete(path);
    else if (file !== known) cache.set(path, file);
    return file;
  }

  async function loadAndAnswer(exchange: Exchange, path: string, known: StaticFile | undefined): Promise<void> {
    const file = await load(path, known);
    if (file === null) answerError(exchange, 404, "NOT_FOUND", "No such file");
    else await answer(exchange, file);
  }

  return {
    get cachedBytes() {
      return cache.heldBytes;
    },
    handle(exchange) {
      const { target } = exchange;
      if (exchange.method !== "GET" && exchange.method !== "HEAD") {
        answerError(exchange, 405, "METHOD_NOT_ALLOWED", "Static files are read by GET and HEAD", "allow: GET, HEAD\r\n");
        return null;
      }
      const query = target.indexOf("?");
      const path = target.slice(prefix.length, query === -1 ? target.length : query);
      const known = cache.get(path);
      if (known === undefined || performance.now() - known.checkedAtMs > CHECK_INTERVAL_MS) return loadAndAnswer(exchange, path, known);
      return answer(exchange, known);
    },
  };
}

/** Null when the whole answer was given at once. */
function answer(exchange: Exchange, file: StaticFile): Promise<void> | null {
  const rangeHeader = exchange.method === "GET" ? exchange.header("range") : undefined;
  const coding =
    rangeHeader === undefined && file.codings.size > 1 ? chooseCoding(exchange.header("accept-encoding"), file.codings) : "identity";
  const form = file.forms[coding] as Representation;
  if (isNotModified(exchange, file, form)) {
    exchange.respond(304, form.validatorLines, null);
    return null;
  }
  const range = rangeHeader === undefined || !rangeStillApplies(exchange, file, form) ? null : parseRange(rangeHeader, form.size);
  if (range === "unsatisfiable") {
    answerError(exchange, 416, "RANGE_NOT_SATISFIABLE", "The range lies outside the file", `content-range: bytes */${form.size}\r\n`);
    return null;
  }
  return range === null ? answerWhole(exchange, form) : answerRange(exchange, form, range);
}

function answerWhole(exchange: Exchange, form: Representation): Promise<void> | null {
  if (form.bytes !== null) {
    exchange.respond(200, form.headerLines, form.bytes);
    return null;
  }
  return stream(exchange, form, 200, form.headerLines, { start: 0, end: form.size - 1 });
}

function answerRange(exchange: Exchange, form: Representation, range: ByteRange): Promise<void> | null {
  const lines = `${form.headerLines}content-range: bytes ${range.start}-${range.end}/${form.size}\r\n`;
  if (form.bytes === null) return stream(exchange, form, 206, lines, range);
  exchange.respond(206, lines, form.bytes.subarray(range.start, range.end + 1));
  return null;
}

/** If-None-Match outranks If-Modified-Since (RFC 9110 section 13.2.2). */
function isNotModified(exchange: Exchange, file: StaticFile, form: Representation): boolean {
  const noneMatch = exchange.header("if-none-match");
  if (noneMatch !== undefined) return matchesNoneMatch(noneMatch, form.etag);
  const modifiedSince = exchange.header("if-modified-since");
  return modifiedSince !== undefined && file.lastModifiedMs <= Date.parse(modifiedSince);
}

/** If-Range: the client holds a part of exactly this version. Strong comparison, or the very date. */
function rangeStillApplies(exchange: Exchange, file: StaticFile, form: Representation): boolean {
  const condition = exchange.header("if-range");
  if (condition === undefined) return true;
  return condition.startsWith('"') ? matchesIfRange(condition, form.etag) : Date.parse(condition) === file.lastModifiedMs;
}

async function stream(exchange: Exchange, form: Representation, status: number, lines: string, range: ByteRange): Promise<void> {
  const length = range.end - range.start + 1;
  if (exchange.method === "HEAD" || length === 0) {
    exchange.start(status, lines, length);
    exchange.end();
    return;
  }
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(form.file, "r");
  } catch {
    answerError(exchange, 404, "NOT_FOUND", "No such file");
    return;
  }
  try {
    exchange.start(status, lines, length);
    for (let at = range.start; at <= range.end && !exchange.aborted; ) {
      // A fresh buffer each time: the socket keeps it until the client has taken it.
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, range.end + 1 - at)), { position: at });
      if (bytesRead === 0) break;
      at += bytesRead;
      if (!exchange.write(buffer.subarray(0, bytesRead))) await drained(exchange);
    }
    // A file that shrank ends short of its declared length: the exchange breaks the transfer off.
    exchange.end();
  } catch {
    exchange.destroy();
  } finally {
    await file.close();
  }
}

function drained(exchange: Exchange): Promise<void> {
  if (exchange.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    exchange.onDrain = resolve;
    exchange.onAbort = () => resolve();
  });
}
