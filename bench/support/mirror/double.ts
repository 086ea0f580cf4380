/**
 * The upstream double of the benchmark, a process of its own on the load's core:
 * `node double.ts SIZES`. Answers the JSON simple API from memory, counts what it
 * is asked, sends files as slowly as it is told, and prints its port. It may be
 * told three things: GET /-/counts, /-/grow (the list has one name more) and
 * /-/pace?bytesPerSecond=N (of each transfer; 0 is unlimited).
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { contentOf, listJson, PROJECT, projectJson, type Sizes, smallFile, smallProjectJson } from "./content.ts";

/** What /-/counts answers, by path. */
export interface PathCounts {
  gets: number;
  heads: number;
  /** When the last transfer had left whole; Unix time. */
  endedAtMs: number;
}

const PACE_INTERVAL_MS = 10;
const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

const sizes = JSON.parse(process.argv[2]!) as Sizes;
const content = contentOf(sizes);
const files = new Map([content.wheel, content.large].map(({ filename, bytes }) => [filename, bytes]));
const counts: Record<string, PathCounts> = {};
let bytesPerSecond = 0;
let listRevision = 0;
let list: { plain: Buffer; gzip: Buffer } | null = null;
let projectPage: { plain: Buffer; gzip: Buffer } | null = null;

const server = createServer(answer);
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://double");
  if (pathname.startsWith("/-/")) control(pathname, searchParams, response);
  else answerCounted(request, response, pathname);
}

function answerCounted(request: IncomingMessage, response: ServerResponse, pathname: string): void {
  counts[pathname] ??= { gets: 0, heads: 0, endedAtMs: 0 };
  const counted = counts[pathname];
  if (request.method === "HEAD") counted.heads++;
  else counted.gets++;
  const [, area, name] = pathname.split("/");
  const page = area === "simple" ? pageOf(name ?? "") : null;
  if (area === "files") sendFile(request, response, files.get(name ?? "") ?? smallFile(name ?? ""), counted);
  else if (page !== null) sendPage(request, response, page);
  else response.writeHead(404).end();
}

function pageOf(name: string): { plain: Buffer; gzip: Buffer } | null {
  if (name === "") {
    list ??= coded(listJson(sizes, listRevision));
    return list;
  }
  const filesUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files/`;
  if (name === PROJECT) {
    projectPage ??= coded(projectJson(content, filesUrl));
    return projectPage;
  }
  const small = smallProjectJson(name, sizes, filesUrl);
  return small === null ? null : coded(small);
}

function coded(text: string): { plain: Buffer; gzip: Buffer } {
  const plain = Buffer.from(text);
  return { plain, gzip: gzipSync(plain) };
}

function sendPage(request: IncomingMessage, response: ServerResponse, { plain, gzip }: { plain: Buffer; gzip: Buffer }): void {
  const takesGzip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
  const body = takesGzip ? gzip : plain;
  const etag = `"${listRevision}-${plain.length}-${takesGzip ? "gzip" : "plain"}"`;
  const headers = { "content-type": JSON_TYPE, etag, vary: "accept, accept-encoding", "cache-control": "max-age=600, public" };
  if (request.headers["if-none-match"] === etag) return void response.writeHead(304, headers).end();
  response.writeHead(200, { ...headers, "content-length": body.length, ...(takesGzip && { "content-encoding": "gzip" }) });
  if (request.method === "HEAD") response.end();
  else response.end(body);
}

function sendFile(request: IncomingMessage, response: ServerResponse, bytes: Buffer, counted: PathCounts): void {
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes.length });
  if (request.method === "HEAD") return void response.end();
  const ended = (): void => {
    counted.endedAtMs = performance.timeOrigin + performance.now();
  };
  if (bytesPerSecond === 0) return void response.end(bytes, ended);
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.min(bytes.length, Math.floor(((performance.now() - startMs) / 1_000) * bytesPerSecond));
    // What a slow reader has not taken is owed, not heaped up.
    if (!response.writableNeedDrain && due > sent) {
      response.write(bytes.subarray(sent, due));
      sent = due;
    }
    if (sent < bytes.length && !response.destroyed) return;
    clearInterval(timer);
    response.end(ended);
  }, PACE_INTERVAL_MS);
}

function control(path: string, parameters: URLSearchParams, response: ServerResponse): void {
  if (path === "/-/grow") {
    listRevision++;
    // Made before it is asked for: preparing it must not look like a slow upstream.
    list = coded(listJson(sizes, listRevision));
  } else if (path === "/-/pace") bytesPerSecond = Number(parameters.get("bytesPerSecond"));
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(counts));
}
