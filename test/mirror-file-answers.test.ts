/**
 * File answers through a real listener: transfers that many clients share,
 * ranges of what has not arrived, a full disk, and stored files read by more
 * clients than there are buffers. Upstream and the store are the test's own.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "node:test";
import { fail, ok } from "../src/base/result.ts";
import { answerError } from "../src/http/error-answer.ts";
import type { Artifact } from "../src/mirror/artifact.ts";
import { explainFailure, type UpstreamFailure } from "../src/mirror/failures.ts";
import type { ContentLink, ContentLinks } from "../src/mirror/files/content-links.ts";
import { FileAnswers } from "../src/mirror/files/file-answers.ts";
import type { DownloadEvent } from "../src/mirror/files/transfer-source.ts";
import { Transfers } from "../src/mirror/files/transfers.ts";
import { UpstreamError } from "../src/mirror/upstream/upstream.ts";
import type { ContentStore, PartialFile, StoredContent } from "../src/store/content/content-store.ts";
import { serve, until } from "./support/http.ts";

const KIB = 1024;
const CONTENT = Buffer.from(Array.from({ length: 700 * KIB }, (_, i) => (i * 31 + (i >> 8)) % 256));
const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const ARTIFACT: Artifact = {
  kind: "file",
  project: "six",
  filename: "six-1-py3-none-any.whl",
  source: { kind: "index", index: "index-1", url: "http://index.example/six-1.whl" },
  hashes: { sha256: sha256Of(CONTENT) },
  sizeBytes: null,
};

/** A folder that keeps content by its hash, and can be full. */
function folderStore(folder: string) {
  let count = 0;
  const world = { full: false, suspected: [] as string[], declaredBytes: null as number | null };
  const pathOf = (sha256: string): string => join(folder, sha256);
  const store = {
    async begin() {
      if (world.full) return fail({ code: "STORAGE_FULL", message: "Cannot make a file: the disk is full" } as const);
      const path = join(folder, `partial-${count++}`);
      return ok({ path, discard: () => rm(path, { force: true }) });
    },
    async commit(partial: PartialFile, { sha256 }: StoredContent) {
      renameSync(partial.path, pathOf(sha256));
      return ok(undefined);
    },
    async open(sha256: string) {
      const handle = await open(pathOf(sha256), "r").catch(() => null);
      if (handle === null) return ok(null);
      const { size } = await handle.stat();
      return ok({
        sizeBytes: world.declaredBytes ?? size,
        fd: handle.fd,
        stream: (start: number, end: number) => handle.createReadStream({ start, end: end - 1, autoClose: false }),
        close: () => handle.close(),
      });
    },
    suspect: (sha256: string) => void world.suspected.push(sha256),
    touch() {},
  };
  return { store: store as unknown as ContentStore, world, pathOf };
}

/** Upstream that sends a part, then waits to be let go on. */
class Upstream {
  content: Uint8Array = CONTENT;
  fetchCount = 0;
  firstBytes = 256 * KIB;
  failure: UpstreamFailure | null = null;
  #isDiskFull = false;
  #release = (): void => {};
  #released: Promise<void> = Promise.resolve();

  /** The transfer under way ends as one does whose file can't be written. */
  fillDisk(): void {
    this.#isDiskFull = true;
  }

  pause(): void {
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  goOn(): void {
    this.#release();
  }

  async *download(): AsyncIterable<DownloadEvent> {
    this.fetchCount++;
    if (this.failure !== null) throw new UpstreamError(this.failure);
    yield { kind: "size", totalBytes: this.content.length };
    for (let at = 0; at < this.content.length; at += 64 * KIB) {
      if (at === this.firstBytes) await this.#released;
      if (at === this.firstBytes && this.#isDiskFull) {
        this.#isDiskFull = false;
        throw new UpstreamError({ code: "STORAGE_FULL", message: "Cannot write: the disk is full" } as never);
      }
      yield { kind: "chunk", offsetBytes: at, bytes: this.content.subarray(at, at + 64 * KIB) };
    }
  }
}

const LINK_TTL_MS = 1_000;

async function mirrorOf(artifact: Artifact = ARTIFACT, link: ContentLink | null = null, offline = false) {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-files-"));
  const upstream = new Upstream();
  const served: { outcome: string; bytes: number; isSpared: boolean }[] = [];
  const { store, world, pathOf } = folderStore(folder);
  const parts = { store, download: () => upstream.download(), onVerified: () => {}, onNotKept: () => {}, onGivenUp: () => {} };
  const transfers = new Transfers(() => parts, 10);
  const files = new FileAnswers({
    store,
    transfers,
    links: { at: async () => link } as unknown as ContentLinks,
    linkTtlMs: () => LINK_TTL_MS,
    negativeTtlMs: LINK_TTL_MS,
    nowMs: () => 0,
    binaryMimeType: false,
    offline,
    onServed: (_artifact, outcome, bytes, isSpared) => void served.push({ outcome, bytes, isSpared }),
    onUnkept: () => {},
    download: () => upstream.download(),
  });
  const server = await serve((exchange) => {
    void files.answer(exchange, artifact).then((failure) => {
      if (failure === null) return;
      const { status, message } = explainFailure(failure);
      answerError(exchange, status, failure.code, message);
    });
  });
  return {
    upstream,
    transfers,
    world,
    served,
    files,
    storedFile: pathOf(sha256Of(CONTENT)),
    get: (headers: Record<string, string> = {}, method = "GET") => ask(server.port, method, headers),
    async [Symbol.asyncDispose]() {
      upstream.goOn();
      await server.listener.drain(0);
      await transfers.settled();
      rmSync(folder, { recursive: true });
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: Buffer;
  /** The connection broke before the declared end. */
  readonly broken: boolean;
}

interface Asked extends Promise<Answer> {
  /** Resolves with the first bytes of the body. */
  readonly firstByte: Promise<Buffer>;
  leave(): void;
}

function ask(port: number, method: string, headers: Record<string, string>): Asked {
  const first = Promise.withResolvers<Buffer>();
  const sent = request({ port, host: "127.0.0.1", method, path: "/", headers, agent: false });
  const answered = new Promise<Answer>((resolve) => {
    sent.once("error", () => resolve({ status: 0, headers: {}, body: Buffer.alloc(0), broken: true }));
    sent.once("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        first.resolve(chunk);
      });
      const end = (broken: boolean): void =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), broken });
      response.once("end", () => end(false));
      response.once("error", () => end(true));
    });
  });
  sent.end();
  return Object.assign(answered, { firstByte: first.promise, leave: () => sent.destroy() });
}

test("clients that come at any moment share one fetch and begin at byte 0", async () => {
  await using mirror = await mirrorOf();
  mirror.upstream.pause();
  const early = mirror.get();
  await early.firstByte;
  const late = mirror.get();
  assert.deepEqual((await late.firstByte).subarray(0, 100), CONTENT.subarray(0, 100));
  mirror.upstream.goOn();
  for (const { status, body, broken, headers } of await Promise.all([early, late])) {
    assert.equal(status, 200);
    assert.equal(broken, false);
    assert.ok(body.equals(CONTENT));
    assert.equal(headers["content-length"], String(CONTENT.length));
  }
  assert.equal(mirror.upstream.fetchCount, 1);
  await mirror.transfers.settled();
  assert.ok((await mirror.get()).body.equals(CONTENT));
  assert.equal(mirror.upstream.fetchCount, 1, "a stored file asks nobody");
});

test("a range of a file that is still arriving is served as soon as it is there", async () => {
  await using mirror = await mirrorOf();
  mirror.upstream.pause();
  const part = await mirror.get({ range: "bytes=1000-1999" });
  assert.equal(part.status, 206);
  assert.equal(part.headers["content-range"], `bytes 1000-1999/${CONTENT.length}`);
  assert.ok(part.body.equals(CONTENT.subarray(1000, 2000)));
  const suffix = mirror.get({ range: "bytes=-500" });
  mirror.upstream.goOn();
  assert.ok((await suffix).body.equals(CONTENT.subarray(-500)));
});

test("a range that is asked for first, of a file whose size the index told, waits for the first bytes", async () => {
  await using mirror = await mirrorOf({ ...ARTIFACT, sizeBytes: CONTENT.length });
  const part = await mirror.get({ range: "bytes=-1000" });
  assert.deepEqual([part.status, part.broken], [206, false]);
  assert.ok(part.body.equals(CONTENT.subarray(-1000)));
  assert.equal(mirror.upstream.fetchCount, 1);
});

test("a client that leaves does not end the transfer", async () => {
  await using mirror = await mirrorOf();
  mirror.upstream.pause();
  const leaving = mirror.get();
  await leaving.firstByte;
  leaving.leave();
  await leaving;
  mirror.upstream.goOn();
  await mirror.transfers.settled();
  assert.ok(readFileSync(mirror.storedFile).equals(CONTENT));
});

test("content with another hash breaks every client's transfer short of its end, and is not kept", async () => {
  await using mirror = await mirrorOf();
  mirror.upstream.content = Buffer.from(CONTENT);
  mirror.upstream.content[CONTENT.length - 1]! ^= 1;
  const answers = await Promise.all([mirror.get(), mirror.get()]);
  for (const { broken, body } of answers) {
    assert.equal(broken, true);
    assert.ok(body.length <= CONTENT.length - 64 * KIB);
  }
  assert.throws(() => readFileSync(mirror.storedFile), { code: "ENOENT" });
});

test("a small file with another hash is an error with its reason, not a broken transfer", async () => {
  const small = CONTENT.subarray(0, 5_000);
  await using mirror = await mirrorOf({ ...ARTIFACT, hashes: { sha256: "0".repeat(64) } });
  mirror.upstream.content = small;
  const { status, body } = await mirror.get();
  assert.equal(status, 502);
  assert.match(body.toString(), /UPSTREAM_DIGEST_MISMATCH/);
});

test("HEAD of a file whose size is known asks nobody for it", async () => {
  await using mirror = await mirrorOf({ ...ARTIFACT, sizeBytes: CONTENT.length });
  const { status, headers, body } = await mirror.get({}, "HEAD");
  assert.equal(status, 200);
  assert.equal(headers["content-length"], String(CONTENT.length));
  assert.equal(headers["accept-ranges"], "bytes");
  assert.equal(body.length, 0);
  assert.equal(mirror.upstream.fetchCount, 0);
});

test("with a full disk a file is passed on, verified, and not kept", async () => {
  await using mirror = await mirrorOf();
  mirror.world.full = true;
  assert.ok((await mirror.get()).body.equals(CONTENT));
  mirror.upstream.content = Buffer.from(CONTENT);
  mirror.upstream.content[0]! ^= 1;
  const { broken, body } = await mirror.get();
  assert.equal(broken, true);
  assert.ok(body.length <= CONTENT.length - 64 * KIB);
  assert.throws(() => readFileSync(mirror.storedFile), { code: "ENOENT" });
});

test("a disk that fills up under a transfer breaks off nobody's answer", async () => {
  await using mirror = await mirrorOf();
  mirror.upstream.pause();
  const answer = mirror.get();
  await answer.firstByte;
  mirror.upstream.fillDisk();
  mirror.upstream.goOn();
  const { status, body, broken } = await answer;
  assert.deepEqual([status, broken], [200, false]);
  assert.ok(body.equals(CONTENT));
  assert.throws(() => readFileSync(mirror.storedFile), { code: "ENOENT" });
});

test("what goes on past a full disk is what the client has the beginning of, or the answer breaks off", async () => {
  for (const hashes of [ARTIFACT.hashes, {}]) {
    await using mirror = await mirrorOf({ ...ARTIFACT, hashes });
    const [early, late] = [Buffer.from(CONTENT), CONTENT];
    early[0]! ^= 1;
    mirror.upstream.content = early;
    mirror.upstream.pause();
    const answer = mirror.get();
    await answer.firstByte;
    mirror.upstream.fillDisk();
    mirror.upstream.content = late;
    mirror.upstream.goOn();
    const { body, broken } = await answer;
    assert.equal(broken, true, "another version, or bytes that nobody has verified");
    assert.ok(body.length < CONTENT.length);
  }
});

test("metadata that the index doesn't have is asked for once, until the project is to be asked for anew", async () => {
  await using mirror = await mirrorOf({ ...ARTIFACT, kind: "metadata", filename: `${ARTIFACT.filename}.metadata`, hashes: {} });
  mirror.upstream.failure = { code: "UPSTREAM_STATUS", url: "http://index.example/six-1.whl.metadata", status: 404, retryAfterMs: null };
  for (let count = 0; count < 3; count++) assert.equal((await mirror.get()).status, 404);
  assert.equal((await mirror.get({}, "HEAD")).status, 404);
  assert.equal(mirror.upstream.fetchCount, 1);
  mirror.files.forgetMissing("six");
  mirror.upstream.failure = null;
  assert.equal((await mirror.get()).status, 200);
});

test("a stored file has a tag, answers conditions and ranges, and says what it cannot give", async () => {
  await using mirror = await mirrorOf();
  await mirror.get();
  await mirror.transfers.settled();
  const etag = `"${sha256Of(CONTENT)}"`;
  const whole = await mirror.get();
  assert.equal(whole.headers["etag"], etag);
  assert.match(String(whole.headers["cache-control"]), /immutable/);
  assert.equal(whole.headers["content-encoding"], undefined);
  assert.equal((await mirror.get({ "if-none-match": etag })).status, 304);
  assert.equal((await mirror.get({ range: `bytes=${CONTENT.length}-` })).status, 416);
  assert.equal((await mirror.get({ range: "bytes=0-9", "if-range": '"other"' })).status, 200);
  const { headers } = await mirror.get({}, "HEAD");
  assert.equal(headers["content-length"], whole.headers["content-length"]);
  assert.equal(headers["etag"], etag);
});

test("two hundred clients at once each get every byte of a stored file", async () => {
  await using mirror = await mirrorOf();
  await mirror.get();
  await mirror.transfers.settled();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => mirror.get(i % 3 === 0 ? { range: `bytes=${i * 1_000}-` } : {})));
  for (const [i, { body }] of answers.entries()) {
    assert.ok(body.equals(i % 3 === 0 ? CONTENT.subarray(i * 1_000) : CONTENT), `client ${i}`);
  }
});

test("content without a promised hash is asked for again past its time, and serves while that fails", async () => {
  const old = Buffer.alloc(200 * KIB, "old");
  const hashless = { ...ARTIFACT, hashes: {} };
  await using mirror = await mirrorOf(hashless, { sha256: sha256Of(old), linkedAtMs: -LINK_TTL_MS - 1 });
  writeFileSync(join(dirname(mirror.storedFile), sha256Of(old)), old);
  const renewed = await mirror.get();
  assert.ok(renewed.body.equals(CONTENT));
  assert.equal(renewed.headers["cache-control"], "no-cache");
  mirror.upstream.failure = { code: "UPSTREAM_TIMEOUT", url: "http://index.example/six-1.whl", timeoutMs: 1 };
  const stale = await mirror.get();
  assert.ok(stale.body.equals(old));
  assert.equal(stale.headers["x-cache"], "stale");
});

test("a stored file that ends early is suspected: a large one breaks off, a small one comes from the index", async () => {
  await using mirror = await mirrorOf();
  await mirror.get();
  await mirror.transfers.settled();
  truncateSync(mirror.storedFile, 300 * KIB);
  mirror.world.declaredBytes = CONTENT.length;
  assert.equal((await mirror.get()).broken, true);
  assert.deepEqual(mirror.world.suspected, [sha256Of(CONTENT)]);
  mirror.world.declaredBytes = 100 * KIB;
  truncateSync(mirror.storedFile, 10 * KIB);
  assert.ok((await mirror.get()).body.equals(CONTENT));
  assert.equal(mirror.world.suspected.length, 2);
});

test("what is counted is what was sent, and who joins spares the index a request", async () => {
  await using mirror = await mirrorOf();
  mirror.upstream.pause();
  const first = mirror.get();
  await first.firstByte;
  const second = mirror.get();
  await second.firstByte;
  first.leave();
  await until(() => mirror.served.length === 1, "the mirror sees that the first client has left");
  mirror.upstream.goOn();
  await second;
  const [left, stayed] = mirror.served;
  assert.ok(left !== undefined && left.bytes < CONTENT.length);
  assert.deepEqual(stayed, { outcome: "miss", bytes: CONTENT.length, isSpared: true });
});

test("one index that is slow holds up no other's file, whatever hash it claims", async () => {
  await using mirror = await mirrorOf();
  mirror.upstream.pause();
  const slow = mirror.transfers.join({ ...ARTIFACT, source: { kind: "index", index: "index-2", url: "http://slow.example/x.whl" } });
  await until(() => slow.releasedBytes > 0, "the slow transfer is under way");
  const before = mirror.upstream.fetchCount;
  const answer = mirror.get();
  await until(() => mirror.upstream.fetchCount === before + 1, "the other index is asked");
  mirror.upstream.goOn();
  assert.ok((await answer).body.equals(CONTENT));
});
