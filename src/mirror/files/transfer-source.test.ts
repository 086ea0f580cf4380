/** Downloads against an upstream in memory that does everything wrong that a server can, in seeded disorder. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import { fail, ok } from "../../base/result.ts";
import type { UpstreamFailure } from "../failures.ts";
import { type Upstream, type UpstreamAnswer, UpstreamError, type UpstreamRequest } from "../upstream/upstream.ts";
import { type DownloadEvent, type DownloadStart, download } from "./transfer-source.ts";

const FILE_MAX_BYTES = 3_000;
const URL_OF_FILE = "https://index.example/a-1.0.whl";
const TRUNCATED: UpstreamFailure = { code: "UPSTREAM_TRUNCATED", url: URL_OF_FILE, gotBytes: 0, wantedBytes: null };

interface Behaviour {
  /** How many versions later than before the file is. */
  readonly changes: number;
  /** Bytes of the body after which it breaks off. */
  readonly cutAfter: number;
  readonly pieceBytes: number;
  readonly range: "right" | "ignored" | "shifted" | "shorter" | "refused";
  readonly hasLength: boolean;
  /** Sends the part without a look at If-Range. */
  readonly isDeaf: boolean;
  /** Doesn't say of which version a part is. */
  readonly isMute: boolean;
  /** How long it thinks. */
  readonly turns: number;
}

interface World {
  readonly sizes: readonly number[];
  readonly validator: "strong" | "weak" | "date" | "none";
  readonly behaviours: readonly Behaviour[];
}

/** Every version's bytes tell which version they are of, and where they are. */
function bytesOf(world: World, version: number): Buffer {
  const size = world.sizes[version % world.sizes.length]!;
  return Buffer.from(Array.from({ length: size }, (_, at) => (at * 7 + version * 61 + (at >> 8)) % 256));
}

function validatorsOf(world: World, version: number): Record<string, string> {
  if (world.validator === "strong") return { etag: `"${version}"` };
  if (world.validator === "weak") return { etag: `W/"${version}"` };
  const day = String((version % 20) + 1).padStart(2, "0");
  return world.validator === "none" ? {} : { "last-modified": `${day} Nov 2020 12:00:00 GMT`, date: "Sat, 21 Nov 2026 12:00:00 GMT" };
}

class WildUpstream implements Upstream {
  requestCount = 0;
  #version = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async request(request: UpstreamRequest): ReturnType<Upstream["request"]> {
    const behaviour = this.#world.behaviours[this.requestCount++ % this.#world.behaviours.length]!;
    this.#version += behaviour.changes;
    for (let turn = 0; turn < behaviour.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
    if (request.signal?.aborted) return fail({ code: "UPSTREAM_UNREACHABLE", url: URL_OF_FILE, reason: "the request was given up" });
    const whole = bytesOf(this.#world, this.#version);
    const validators = validatorsOf(this.#world, this.#version);
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers["range"] ?? "") ?? [];
    const condition = request.headers["if-range"] ?? null;
    const isSame = condition === null || behaviour.isDeaf || condition === validators["etag"] || condition === validators["last-modified"];
    if (first === undefined || behaviour.range === "ignored" || !isSame) {
      return ok(answerWith(200, { "accept-ranges": "bytes", ...validators }, whole, behaviour));
    }
    if (behaviour.range === "refused") return fail({ code: "UPSTREAM_STATUS", url: URL_OF_FILE, status: 403, retryAfterMs: null });
    const start = Number(first) + (behaviour.range === "shifted" ? 1 : 0);
    const wantedEnd = Math.min(whole.length, last === "" || last === undefined ? whole.length : Number(last) + 1);
    if (start >= wantedEnd) return ok(answerWith(416, { "content-range": `bytes */${whole.length}` }, Buffer.alloc(0), behaviour));
    const end = behaviour.range === "shorter" ? start + Math.ceil((wantedEnd - start) / 2) : wantedEnd;
    const head = { "content-range": `bytes ${start}-${end - 1}/${whole.length}`, ...(behaviour.isMute ? {} : validators) };
    return ok(answerWith(206, head, whole.subarray(start, end), behaviour));
  }

  health(): [] {
    return [];
  }

  async close(): Promise<void> {}
}

function answerWith(status: number, headers: Record<string, string>, content: Buffer, behaviour: Behaviour): UpstreamAnswer {
  const framing: Record<string, string> = behaviour.hasLength
    ? { "content-length": String(content.length) }
    : { "transfer-encoding": "chunked" };
  const all: Record<string, string> = { ...headers, ...framing };
  return {
    status,
    url: URL_OF_FILE,
    header: (name) => all[name] ?? null,
    discard() {},
    body: (async function* () {
      const end = Math.min(content.length, behaviour.cutAfter);
      for (let at = 0; at < end; at += behaviour.pieceBytes) {
        yield content.subarray(at, Math.min(end, at + behaviour.pieceBytes));
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (end < content.length) throw new UpstreamError(TRUNCATED);
    })(),
  };
}

const behaviours: fc.Arbitrary<Behaviour> = fc.record({
  changes: fc.constantFrom(0, 0, 0, 0, 0, 1),
  cutAfter: fc.oneof(fc.constantFrom(0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY), fc.integer({ min: 0, max: 900 })),
  pieceBytes: fc.integer({ min: 50, max: 700 }),
  range: fc.constantFrom("right", "right", "right", "ignored", "shifted", "shorter", "refused"),
  hasLength: fc.constantFrom(true, true, false),
  isDeaf: fc.boolean(),
  isMute: fc.constantFrom(false, false, true),
  turns: fc.integer({ min: 1, max: 40 }),
});

const worlds: fc.Arbitrary<World> = fc.record({
  sizes: fc.array(fc.integer({ min: 0, max: 2_500 }), { minLength: 1, maxLength: 3 }),
  validator: fc.constantFrom("strong", "strong", "weak", "date", "none"),
  behaviours: fc.array(behaviours, { minLength: 1, maxLength: 9 }),
});

interface Fetched {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
  readonly hasSplit: boolean;
}

async function fetchAll(world: World, isVerified: boolean, parallelRanges: number): Promise<Fetched> {
  const upstream = new WildUpstream(world);
  const bytes = Buffer.alloc(FILE_MAX_BYTES);
  const came = new Uint8Array(FILE_MAX_BYTES);
  let endBytes = 0;
  let totalBytes: number | null = null;
  let isTold = false;
  let nextBytes = 0;
  let hasSplit = false;
  try {
    const events = download({
      upstream,
      artifact: {
        kind: "file",
        project: "a",
        filename: "a-1.0.whl",
        source: { kind: "index", index: "index-1", url: URL_OF_FILE },
        hashes: isVerified ? { sha256: "00" } : {},
        sizeBytes: null,
      },
      limits: { retriesMax: 12, retryDelayMs: 1, parallelRanges, fileMaxBytes: FILE_MAX_BYTES },
      signal: new AbortController().signal,
      sleep: async () => {},
      splitAboveBytes: 400,
    });
    for await (const event of events) {
      if (event.kind === "chunk") {
        assert.ok(isTold, "the size comes before the bytes");
        hasSplit ||= event.offsetBytes !== nextBytes;
        nextBytes = event.offsetBytes + event.bytes.byteLength;
        assert.ok(!came.subarray(event.offsetBytes, nextBytes).includes(1), `bytes before ${nextBytes} came twice`);
        came.fill(1, event.offsetBytes, nextBytes);
        bytes.set(event.bytes, event.offsetBytes);
        endBytes = Math.max(endBytes, nextBytes);
      } else {
        came.fill(0);
        nextBytes = endBytes = 0;
        isTold = event.kind === "size";
        totalBytes = event.kind === "size" ? event.totalBytes : null;
      }
    }
  } catch (error) {
    assert.ok(error instanceof UpstreamError, String((error as Error).stack));
    return { bytes: Buffer.alloc(0), isWhole: false, hasSplit };
  }
  assert.ok(!came.subarray(0, endBytes).includes(0), "there is no gap");
  assert.ok(totalBytes === null || endBytes === totalBytes, `${endBytes} bytes of the ${totalBytes} that were told`);
  return { bytes: bytes.subarray(0, endBytes), isWhole: true, hasSplit };
}

function isOneVersion(world: World, bytes: Buffer): boolean {
  for (let version = 0; version < 100; version++) if (bytesOf(world, version).equals(bytes)) return true;
  return false;
}

test("whatever a server does, a download ends, with one version's bytes each once, or with a failure", async () => {
  let wholeCount = 0;
  let splitCount = 0;
  await fc.assert(
    fc.asyncProperty(worlds, fc.integer({ min: 1, max: 4 }), fc.boolean(), async (world, parallelRanges, isVerified) => {
      const { bytes, isWhole, hasSplit } = await fetchAll(world, isVerified, parallelRanges);
      if (isWhole) wholeCount++;
      if (isWhole && hasSplit) splitCount++;
      // Where only the hash can tell versions apart, the hash is asked, by whoever reads this.
      const isTold = (world.validator === "strong" || world.validator === "date") && !world.behaviours.some(({ isMute }) => isMute);
      const canTell = isTold || !isVerified;
      if (isWhole && canTell) assert.ok(isOneVersion(world, bytes), "bytes of different versions were put together");
    }),
    { numRuns: 1_000 },
  );
  assert.ok(wholeCount > 100, `${wholeCount} downloads came to their end`);
  assert.ok(splitCount > 20, `${splitCount} of them in pieces`);
});

test("a server that does nothing wrong is had at the first try, in pieces or in one", async () => {
  const right: Behaviour = {
    changes: 0,
    cutAfter: Number.POSITIVE_INFINITY,
    pieceBytes: 100,
    range: "right",
    hasLength: true,
    isDeaf: false,
    isMute: false,
    turns: 1,
  };
  for (const parallelRanges of [1, 4]) {
    const world: World = { sizes: [2_345], validator: "strong", behaviours: [right] };
    const { bytes, isWhole, hasSplit } = await fetchAll(world, true, parallelRanges);
    assert.ok(isWhole && bytes.equals(bytesOf(world, 0)));
    assert.equal(hasSplit, parallelRanges > 1);
  }
});

/** Answers by hand: what a request gets is up to the test, as is when. */
function upstreamBy(answer: (range: string | null, count: number) => Promise<UpstreamAnswer | UpstreamFailure>): Upstream {
  let count = 0;
  return {
    async request({ headers }) {
      const given = await answer(headers["range"] ?? null, count++);
      return "code" in given ? fail(given) : ok(given);
    },
    health: () => [],
    async close() {},
  };
}

function eventsOf(
  upstream: Upstream,
  hashes: Record<string, string> = {},
  from: DownloadStart | null = null,
): AsyncGenerator<DownloadEvent, void, void> {
  return download({
    upstream,
    from,
    artifact: {
      kind: "file",
      project: "a",
      filename: "a-1.0.whl",
      source: { kind: "index", index: "index-1", url: URL_OF_FILE },
      hashes,
      sizeBytes: null,
    },
    limits: { retriesMax: 3, retryDelayMs: 1, parallelRanges: 2, fileMaxBytes: FILE_MAX_BYTES },
    signal: new AbortController().signal,
    sleep: async () => {},
    splitAboveBytes: 100,
  });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const RIGHT: Behaviour = {
  changes: 0,
  cutAfter: Number.POSITIVE_INFINITY,
  pieceBytes: 1_000,
  range: "right",
  hasLength: true,
  isDeaf: false,
  isMute: false,
  turns: 1,
};
const PLAIN: World = { sizes: [1_000], validator: "strong", behaviours: [RIGHT] };

test("a piece that is refused just as the first request ends its share leaves no gap", async () => {
  const refusal = Promise.withResolvers<UpstreamFailure>();
  const whole = bytesOf(PLAIN, 0);
  const upstream = upstreamBy(async (range, count) => {
    if (count === 1) return refusal.promise;
    const head: Record<string, string> = range === null ? {} : { "content-range": "bytes 500-999/1000" };
    const content = range === null ? whole : whole.subarray(500);
    return answerWith(range === null ? 200 : 206, { "accept-ranges": "bytes", etag: '"0"', ...head }, content, RIGHT);
  });
  const ranges: number[][] = [];
  for await (const event of eventsOf(upstream)) {
    if (event.kind !== "chunk") continue;
    ranges.push([event.offsetBytes, event.offsetBytes + event.bytes.byteLength]);
    refusal.resolve({ code: "UPSTREAM_STATUS", url: URL_OF_FILE, status: 403, retryAfterMs: null });
    await settle();
  }
  assert.deepEqual(ranges, [
    [0, 500],
    [500, 1000],
  ]);
});

test("bytes of a piece are void when the first request, begun again, meets another version", async () => {
  const hasPiece = Promise.withResolvers<void>();
  const upstream = upstreamBy(async (range, count) => {
    const version = count < 2 ? 0 : 1;
    const content = bytesOf(PLAIN, version);
    const headers = { "accept-ranges": "bytes", etag: `"${version}"` };
    if (range !== null) return answerWith(206, { ...headers, "content-range": "bytes 500-999/1000" }, content.subarray(500), RIGHT);
    const answer = answerWith(200, headers, content, { ...RIGHT, cutAfter: count === 0 ? 0 : 1_000 });
    if (count > 0) return answer;
    const broken = (async function* () {
      await hasPiece.promise;
      yield* answer.body;
    })();
    return { ...answer, body: broken };
  });
  const kinds: string[] = [];
  const bytes = Buffer.alloc(1_000);
  for await (const event of eventsOf(upstream)) {
    kinds.push(event.kind);
    if (event.kind !== "chunk") continue;
    bytes.set(event.bytes, event.offsetBytes);
    hasPiece.resolve();
  }
  assert.deepEqual(kinds, ["size", "chunk", "restart", "size", "chunk"]);
  assert.ok(bytes.equals(bytesOf(PLAIN, 1)));
});

test("a download goes on behind what is there, whether the server sends parts or not", async () => {
  const whole = bytesOf(PLAIN, 0);
  for (const sendsParts of [true, false]) {
    const ranges: (string | null)[] = [];
    const upstream = upstreamBy(async (range) => {
      ranges.push(range);
      if (!sendsParts) return answerWith(200, {}, whole, RIGHT);
      return answerWith(206, { "content-range": "bytes 400-999/1000" }, whole.subarray(400), RIGHT);
    });
    const events = await Array.fromAsync(eventsOf(upstream, { sha256: "00" }, { nextBytes: 400, totalBytes: 1_000 }));
    assert.deepEqual(events, [{ kind: "chunk", offsetBytes: 400, bytes: whole.subarray(400) }]);
    assert.deepEqual(ranges, ["bytes=400-"]);
  }
});

test("where all is there already nobody is asked, and of a file of another size it begins anew", async () => {
  const nobody = upstreamBy(async () => assert.fail("it was asked"));
  assert.deepEqual(await Array.fromAsync(eventsOf(nobody, { sha256: "00" }, { nextBytes: 1_000, totalBytes: 1_000 })), []);
  const whole = bytesOf(PLAIN, 0);
  const upstream = upstreamBy(async () => answerWith(200, {}, whole, RIGHT));
  const events = await Array.fromAsync(eventsOf(upstream, { sha256: "00" }, { nextBytes: 400, totalBytes: 2_000 }));
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ["restart", "size", "chunk"],
  );
});

/** Bytes of the events, those before a restart forgotten. */
async function bytesFrom(upstream: Upstream): Promise<Buffer> {
  const bytes = Buffer.alloc(1_000);
  for await (const event of eventsOf(upstream)) {
    if (event.kind === "restart") bytes.fill(0);
    if (event.kind === "chunk") bytes.set(event.bytes, event.offsetBytes);
  }
  return bytes;
}

test("a part that doesn't say of which version it is is joined to nothing where no hash will tell", async () => {
  const [early, late] = [bytesOf(PLAIN, 0), bytesOf(PLAIN, 1)];
  const part = (firstBytes: number, lastBytes: number): UpstreamAnswer =>
    answerWith(206, { "content-range": `bytes ${firstBytes}-${lastBytes}/1000` }, late.subarray(firstBytes, lastBytes + 1), RIGHT);
  const resumed = upstreamBy(async (range, count) => {
    if (range !== null) return part(300, 999);
    return count === 0
      ? answerWith(200, { etag: '"0"' }, early, { ...RIGHT, cutAfter: 300 })
      : answerWith(200, { etag: '"1"' }, late, RIGHT);
  });
  assert.ok((await bytesFrom(resumed)).equals(late), "on resuming");
  const inPieces = upstreamBy(async (range) => {
    return range === null ? answerWith(200, { "accept-ranges": "bytes", etag: '"0"' }, early, RIGHT) : part(500, 999);
  });
  assert.ok((await bytesFrom(inPieces)).equals(early), "in pieces");
});
