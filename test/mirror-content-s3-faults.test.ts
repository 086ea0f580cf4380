/** A bucket whose service is slow, breaks off, lies or is down: what is kept is read whole or not at all, and what fails is told. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { sha256 } from "../src/base/sha256.ts";
import type { ContentStore } from "../src/store/content/content-store.ts";
import type { S3Tuning } from "../src/store/content/s3/s3-client.ts";
import { bytesOf, codeOf, eventually, type LogLine, must, openStore, put, read, someBytes } from "./support/content.ts";

type Fault = (request: IncomingMessage, response: ServerResponse) => void;

const TUNING: S3Tuning = { connectTimeoutMs: 500, answerTimeoutMs: 300, silenceTimeoutMs: 300, retriesMax: 2, retryDelayMs: 1 };
const MIB = 1024 * 1024;
const SECRETS = ["an-access-key", "a-secret-key", "a-session-token"] as const;

const root = mkdtempSync(join(tmpdir(), "pilotlight-s3-faults-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Requests as "METHOD ?query range", and the objects they made. */
let seen: string[] = [];
let objects = new Map<string, Buffer>();
/** For the next requests whose line matches, in order. */
let faults: { readonly on: RegExp; readonly fault: Fault }[] = [];
let socketsMax = 0;
let server: Server;
let store: ContentStore;
let lines: LogLine[] = [];
let folderCount = 0;
let dir = "";

beforeEach(async () => {
  seen = [];
  objects = new Map();
  faults = [];
  lines = [];
  socketsMax = 0;
  const sockets = new Set<unknown>();
  server = createServer(serve).on("connection", (socket) => {
    sockets.add(socket);
    socketsMax = Math.max(socketsMax, sockets.size);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  dir = join(root, String(++folderCount));
  store = await open();
});

afterEach(async () => {
  await store.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const told = JSON.stringify(lines);
  for (const secret of SECRETS) assert.ok(!told.includes(secret), told);
});

function open(closeGraceMs = 5_000): Promise<ContentStore> {
  const storage = {
    kind: "s3",
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: "us-east-1",
    bucket: "wheels",
    prefix: "",
    accessKeyId: SECRETS[0],
    secretAccessKey: SECRETS[1],
    sessionToken: SECRETS[2],
    forcePathStyle: true,
    partBytes: 5 * MIB,
    connectionsMax: 4,
  } as const;
  return openStore({ dir, storage, lines, s3Tuning: TUNING, closeGraceMs });
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, search, searchParams } = new URL(request.url!, "http://x");
  const line = [request.method, pathname === "/wheels" ? "bucket" : "", search, request.headers.range]
    .filter((part) => part !== undefined && part !== "")
    .join(" ");
  seen.push(line);
  assert.equal(request.headers["x-amz-security-token"], SECRETS[2]);
  const index = faults.findIndex(({ on }) => on.test(line));
  if (index >= 0) return faults.splice(index, 1)[0]!.fault(request, response);
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return;
  }
  if (searchParams.has("uploads"))
    response.end("<InitiateMultipartUploadResult><UploadId>up&amp;1</UploadId></InitiateMultipartUploadResult>");
  else if (searchParams.has("partNumber")) {
    objects.set(`${pathname}#${searchParams.get("partNumber")}`, Buffer.concat(chunks));
    response.setHeader("etag", '"tag"').end();
  } else if (request.method === "POST") {
    const numbers = [
      ...Buffer.concat(chunks)
        .toString()
        .matchAll(/<PartNumber>(\d+)</g),
    ].map((match) => objects.get(`${pathname}#${match[1]}`)!);
    objects.set(pathname, Buffer.concat(numbers));
    response.end("<CompleteMultipartUploadResult></CompleteMultipartUploadResult>");
  } else if (request.method === "PUT") {
    objects.set(pathname, Buffer.concat(chunks));
    response.end();
  } else if (request.method === "DELETE") {
    if (search === "") objects.delete(pathname);
    response.writeHead(204).end();
  } else if (pathname === "/wheels") response.end();
  else give(request, response, objects.get(pathname));
}

function give({ headers }: IncomingMessage, response: ServerResponse, bytes: Buffer | undefined): void {
  if (bytes === undefined) return void response.writeHead(404).end("<Error><Code>NoSuchKey</Code></Error>");
  const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "");
  if (range === null) return void response.writeHead(200, { "content-length": bytes.length }).end(bytes);
  const part = bytes.subarray(Number(range[1]), Number(range[2]) + 1);
  const contentRange = `bytes ${range[1]}-${range[2]}/${bytes.length}`;
  response.writeHead(206, { "content-length": part.length, "content-range": contentRange }).end(part);
}

function meet(on: RegExp, fault: Fault, times = 1): void {
  for (let count = 0; count < times; count++) faults.push({ on, fault });
}

const busy: Fault = (_request, response) =>
  void response.writeHead(503).end("<Error><Code>SlowDown</Code><Message>an-access-key</Message></Error>");
const silent: Fault = () => {};
const reset: Fault = (request) => void request.socket.destroy();

/** The first `bytes` of a range, and then `then`. */
function half(bytes: number, then: Fault): Fault {
  return (request, response) => {
    const object = objects.get(new URL(request.url!, "http://x").pathname)!;
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range!)![1]);
    const rest = object.length - start;
    response.writeHead(206, { "content-length": rest, "content-range": `bytes ${start}-${object.length - 1}/${object.length}` });
    response.write(object.subarray(start, start + bytes), () => setTimeout(() => then(request, response), 20));
  };
}

async function failedPut(bytes: Buffer): Promise<{ readonly code: string; readonly message: string }> {
  const partial = await must(store.begin());
  await writeFile(partial.path, bytes);
  const committed = await store.commit(partial, { sha256: sha256(bytes), sizeBytes: bytes.length });
  assert.equal(existsSync(partial.path), false);
  assert.ok(!committed.ok);
  for (const secret of SECRETS) assert.ok(!committed.failure.message.includes(secret), committed.failure.message);
  return committed.failure;
}

test("a service that is busy, silent or gone for a moment is asked again", async () => {
  for (const [fault, times] of [
    [busy, 2],
    [silent, 1],
    [reset, 2],
  ] as const) {
    meet(/^PUT/, fault, times);
    const bytes = someBytes(1_000);
    const hash = await put(store, bytes);
    meet(/^HEAD$/, fault, times);
    meet(/^GET/, fault, times);
    assert.deepEqual(await bytesOf(store, hash), bytes);
  }
  assert.equal(seen.filter((line) => line.startsWith("PUT")).length, 8);
});

test("a service that stays busy or silent fails what needs it, and only that", async () => {
  meet(/^PUT/, busy, 3);
  const refused = await failedPut(someBytes(1_000));
  assert.equal(refused.code, "BUSY");
  assert.match(
    refused.message,
    /^Cannot store [0-9a-f]{64} in the bucket "wheels" at 127\.0\.0\.1:\d+: 503 SlowDown \(\[redacted\]\)\. Try again later$/,
  );
  meet(/^HEAD$/, silent, 3);
  const found = await store.find("ab".repeat(32));
  assert.match(
    found !== null && "ok" in found && !found.ok ? found.failure.message : "",
    /UND_ERR_HEADERS_TIMEOUT.*Check the endpoint and the way to it$/,
  );
  const bytes = someBytes(10);
  assert.deepEqual(await bytesOf(store, await put(store, bytes)), bytes);
  assert.deepEqual(readdirSync(join(dir, "partial")), []);
});

test("an answer that breaks off or falls silent goes on where it was", async () => {
  const bytes = someBytes(300_000);
  const hash = await put(store, bytes);
  meet(/^GET bytes=0-/, half(100_000, reset));
  meet(/^GET bytes=100000-/, half(50_000, silent));
  const reader = (await must(store.open(hash)))!;
  assert.ok((await read(reader)).equals(bytes));
  await reader.close();
  const gets = seen.filter((line) => line.startsWith("GET"));
  assert.deepEqual(gets, ["GET bytes=0-299999", "GET bytes=100000-299999", "GET bytes=150000-299999"]);
});

test("answers that always break off end in a failure, not in a short file", async () => {
  const bytes = someBytes(300_000);
  const hash = await put(store, bytes);
  meet(/^GET/, half(1, reset), 100);
  const reader = (await must(store.open(hash)))!;
  await assert.rejects(read(reader), { name: "Error", message: /^Cannot read / });
  await reader.close();
  assert.ok(seen.filter((line) => line.startsWith("GET")).length < 20);
});

test("an object of another length than was put is refused before its first byte", async () => {
  const bytes = someBytes(1_000);
  const hash = await put(store, bytes);
  const other = someBytes(1_000);
  const lies: Fault[] = [
    (_request, response) => void response.writeHead(206, { "content-length": 1_000, "content-range": "bytes 0-999/1001" }).end(other),
    (_request, response) =>
      void response.writeHead(206, { "content-length": 999, "content-range": "bytes 0-998/1000" }).end(other.subarray(1)),
    (_request, response) => void response.writeHead(200, { "content-length": 500 }).end(other.subarray(500)),
    (_request, response) => void response.writeHead(206, { "content-range": "bytes 0-999/1000" }).end(other),
  ];
  for (const lie of lies) {
    meet(/^GET/, lie);
    const reader = (await must(store.open(hash)))!;
    const got: Uint8Array[] = [];
    await assert.rejects(async () => {
      for await (const chunk of reader.stream(0, 1_000)) got.push(chunk);
    }, /WrongLength/);
    assert.deepEqual(got, []);
    await reader.close();
  }
  meet(/^GET/, (_request, response) => void response.writeHead(200, { "content-length": 1_000 }).end(bytes));
  const reader = (await must(store.open(hash)))!;
  await assert.rejects(read(reader, 10, 20), /WrongLength/, "a range that is not heeded");
  await reader.close();
});

test("content of another size in the bucket is forgotten, and can be put again", async () => {
  const bytes = someBytes(1_000);
  const hash = await put(store, bytes);
  await store.close();
  objects.set(`/wheels/files/${hash.slice(0, 2)}/${hash}`, someBytes(999));
  store = await open();
  assert.equal(await must(store.open(hash)), null);
  assert.equal((await bytesOf(store, await put(store, bytes))) !== null, true);
});

test("a part that can't be put ends the upload at the service, too, and nothing of it is kept", async () => {
  meet(/partNumber=2/, busy, 3);
  const refused = await failedPut(someBytes(11 * MIB));
  assert.equal(refused.code, "BUSY");
  assert.match(refused.message, /SlowDown/);
  assert.deepEqual(
    seen.filter((line) => line.startsWith("DELETE")),
    ["DELETE ?uploadId=up%261"],
  );
  assert.ok(!seen.some((line) => line.startsWith("POST ?uploadId")));
  assert.equal(store.totals.fileCount, 0);
});

test("an upload whose end says 200 and means an error has failed", async () => {
  meet(/^POST \?uploadId/, (_request, response) => void response.writeHead(200).end("<Error><Code>AccessDenied</Code></Error>"));
  const refused = await failedPut(someBytes(6 * MIB));
  assert.match(refused.message, /AccessDenied/);
});

test("an upload whose end was done and not heard of is done", async () => {
  const bytes = someBytes(6 * MIB);
  meet(/^POST \?uploadId/, (request, response) => {
    objects.set(new URL(request.url!, "http://x").pathname, bytes);
    reset(request, response);
  });
  meet(/^POST \?uploadId/, (_request, response) => void response.writeHead(404).end("<Error><Code>NoSuchUpload</Code></Error>"));
  await put(store, bytes);
  assert.equal(store.totals.fileCount, 1);
});

test("an upload that could not be ended is ended by the next start", async () => {
  meet(/partNumber=1/, busy, 3);
  meet(/^DELETE \?uploadId/, busy, 3);
  await failedPut(someBytes(6 * MIB));
  await store.close();
  const before = seen.length;
  store = await open();
  await eventually("the upload is ended", () => seen.slice(before).includes("DELETE ?uploadId=up%261"));
});

test("an error without an end is not read to it", async () => {
  meet(/^PUT/, (_request, response) => {
    response.writeHead(400);
    const flood = setInterval(() => response.write(Buffer.alloc(64 * 1024, "x")), 1);
    response.on("close", () => clearInterval(flood)).on("error", () => {});
  });
  assert.match((await failedPut(someBytes(10))).message, /: 400\. /);
});

test("no more connections are open than the operator allows, and slow readers leave some for others", async () => {
  const bytes = someBytes(4 * MIB);
  const hash = await put(store, bytes);
  const readers = await Promise.all(Array.from({ length: 10 }, async () => (await must(store.open(hash)))!.stream(0, bytes.length)));
  const firsts = readers.map((stream) => stream[Symbol.asyncIterator]().next());
  await Promise.race(firsts);
  assert.equal(await codeOf(store.open("ab".repeat(32))), "ok");
  for (const stream of readers) void stream[Symbol.asyncIterator]().return?.();
  await Promise.allSettled(firsts);
  assert.ok(socketsMax <= 4, `${socketsMax} connections`);
});

test("a store is closed while its service hangs, and knows at the next start what was under way", async () => {
  await store.close();
  store = await open(50);
  meet(/^PUT/, silent, 10);
  const bytes = someBytes(10);
  const partial = await must(store.begin());
  await writeFile(partial.path, bytes);
  const committing = codeOf(store.commit(partial, { sha256: sha256(bytes), sizeBytes: 10 }));
  await eventually("it is under way", () => seen.includes("PUT"));
  await store.close();
  assert.equal(await committing, "STOPPING");
  // It had come through after all.
  objects.set(`/wheels/files/${sha256(bytes).slice(0, 2)}/${sha256(bytes)}`, bytes);
  faults = [];
  store = await open();
  await eventually("it is ours", () => store.totals.fileCount === 1);
});

test("a bucket that can't be used is told soon after the start", async () => {
  meet(/^HEAD bucket/, (_request, response) => void response.writeHead(403).end());
  await eventually("it is told", () => lines.some(({ message }) => message === "Files can't be kept"));
  assert.match(String(lines.at(-1)!.fields["reason"]), /403 AccessDenied.*s3:ListBucket/);
});
