/** Downloads of the mirror from servers that break off, change their files, and do ranges well, badly or not at all. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import type { UpstreamConfig } from "../src/config/mirror-config.ts";
import type { Artifact } from "../src/mirror/artifact.ts";
import type { UpstreamFailure } from "../src/mirror/failures.ts";
import { type DownloadEvent, download } from "../src/mirror/files/transfer-source.ts";
import { UpstreamError } from "../src/mirror/upstream/upstream.ts";
import { clientOf, httpIndex, type Loopback, UPSTREAM } from "./support/loopback-index.ts";

const FILE = randomBytes(1_000_000);
const OTHER = randomBytes(1_000_000);
const OLD = "Fri, 20 Nov 2026 12:00:00 GMT";

type Answering = (request: IncomingMessage, response: ServerResponse, count: number) => void;

interface Serving {
  /** Bytes of a body before the connection is cut; by the count of requests. */
  readonly cutAfter?: (count: number) => number;
  readonly file?: (count: number) => Buffer;
  readonly headers?: (count: number) => Record<string, string>;
  readonly ranges?: boolean;
}

/** A file server of ours, right in all that the test doesn't make it wrong in. */
function serving({ cutAfter = () => Infinity, file = () => FILE, headers = () => ({ etag: '"one"' }), ranges = true }: Serving): Answering {
  return (request, response, count) => {
    const whole = file(count);
    const own = headers(count);
    const wanted = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const condition = request.headers["if-range"];
    const isPart =
      ranges && wanted !== null && (condition === undefined || condition === own["etag"] || condition === own["last-modified"]);
    const start = isPart ? Number(wanted[1]) : 0;
    const end = isPart && wanted[2] !== "" ? Number(wanted[2]) + 1 : whole.length;
    if (isPart && start >= whole.length) {
      response.writeHead(416, { "content-range": `bytes */${whole.length}` }).end();
      return;
    }
    const part = isPart ? { "content-range": `bytes ${start}-${end - 1}/${whole.length}` } : {};
    response.writeHead(isPart ? 206 : 200, {
      ...(ranges ? { "accept-ranges": "bytes" } : {}),
      "content-length": end - start,
      ...part,
      ...own,
    });
    const body = whole.subarray(start, end);
    const kept = body.subarray(0, cutAfter(count));
    if (kept.length === body.length) response.end(body);
    else response.write(kept, () => setTimeout(() => response.destroy(), 30));
  };
}

function fileServer(answer: Answering): Promise<Loopback> {
  let count = 0;
  return httpIndex((request, response) => answer(request, response, count++));
}

interface Outcome {
  readonly bytes: Buffer;
  readonly sizes: readonly (number | null)[];
  readonly restartCount: number;
  readonly chunkCount: number;
  readonly failure: UpstreamFailure | null;
  readonly sleptMs: readonly number[];
}

interface Fetching {
  readonly limits?: Partial<UpstreamConfig>;
  readonly artifact?: Partial<Artifact>;
  readonly splitAboveBytes?: number;
}

async function fetchFrom(index: Loopback, { limits = {}, artifact = {}, splitAboveBytes }: Fetching = {}): Promise<Outcome> {
  const config = { ...UPSTREAM, retriesMax: 3, ...limits };
  const sleptMs: number[] = [];
  await using client = clientOf(index.origin, config);
  let bytes = Buffer.alloc(0);
  const sizes: (number | null)[] = [];
  let restartCount = 0;
  let chunkCount = 0;
  let isCovered: boolean[] = [];
  let failure: UpstreamFailure | null = null;
  const take = (event: DownloadEvent): void => {
    if (event.kind === "size") sizes.push(event.totalBytes);
    else if (event.kind === "restart") {
      restartCount++;
      bytes = Buffer.alloc(0);
      isCovered = [];
    } else {
      chunkCount++;
      const end = event.offsetBytes + event.bytes.byteLength;
      for (let block = Math.ceil(event.offsetBytes / 1_000); block * 1_000 < end; block++) {
        assert.ok(!isCovered[block], `position ${block * 1_000} came twice`);
        isCovered[block] = true;
      }
      if (end > bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(end - bytes.length)]);
      bytes.set(event.bytes, event.offsetBytes);
    }
  };
  try {
    const events = download({
      upstream: client.upstream,
      artifact: {
        kind: "file",
        project: "a",
        filename: "a-1.0-py3-none-any.whl",
        source: { kind: "index", index: "index-1", url: `${index.origin}/files/a-1.0-py3-none-any.whl?token=secret` },
        hashes: { sha256: createHash("sha256").update(FILE).digest("hex") },
        sizeBytes: null,
        ...artifact,
      },
      limits: config,
      signal: new AbortController().signal,
      sleep: async (ms) => void sleptMs.push(ms),
      random: () => 0.999_999,
      ...(splitAboveBytes === undefined ? {} : { splitAboveBytes }),
    });
    for await (const event of events) take(event);
  } catch (error) {
    assert.ok(error instanceof UpstreamError, String((error as Error).stack));
    failure = error.failure;
    assert.doesNotMatch(JSON.stringify(failure), /secret/);
  }
  return { bytes, sizes, restartCount, chunkCount, failure, sleptMs };
}

/** Of its requests: "200" for whole ones, else the range. */
function asked({ requests }: Loopback): string[] {
  return requests.map(({ headers }) => headers.range ?? "whole");
}

function assertWhole(outcome: Outcome, file = FILE): void {
  assert.equal(outcome.failure, null);
  assert.ok(outcome.bytes.equals(file), "the bytes are the file's");
}

test("a file that comes in one go is one request, for its bytes as they are", async () => {
  await using index = await fileServer(serving({}));
  const outcome = await fetchFrom(index);
  assertWhole(outcome);
  assert.deepEqual(outcome.sizes, [FILE.length]);
  assert.equal(index.requests.length, 1);
  assert.equal(index.requests[0]?.headers["accept-encoding"], "identity");
});

test("an empty file and one of unknown length come to their ends", async () => {
  await using empty = await fileServer((_request, response) => response.writeHead(200, { "content-length": 0 }).end());
  const nothing = await fetchFrom(empty);
  assert.deepEqual([nothing.failure, nothing.sizes, nothing.bytes.length], [null, [0], 0]);
  await using chunked = await fileServer((_request, response) => {
    response.write(FILE.subarray(0, 500_000));
    response.end(FILE.subarray(500_000));
  });
  const outcome = await fetchFrom(chunked);
  assertWhole(outcome);
  assert.deepEqual(outcome.sizes, [null]);
});

test("a broken transfer goes on where it broke off, as long as it gets on", async () => {
  await using index = await fileServer(serving({ cutAfter: () => 150_000 }));
  const outcome = await fetchFrom(index, { limits: { retriesMax: 1 } });
  assertWhole(outcome);
  assert.ok(index.requests.length > 6);
  assert.ok(
    asked(index)
      .slice(1)
      .every((range) => /^bytes=[1-9]\d*-$/.test(range)),
  );
  assert.ok(index.requests.slice(1).every(({ headers }) => headers["if-range"] === '"one"'));
  assert.ok(
    outcome.sleptMs.every((ms) => ms === 100),
    "progress starts the patience anew",
  );
});

test("a transfer that doesn't get on is given up after so many attempts", async () => {
  await using index = await fileServer(serving({ cutAfter: (count) => (count === 0 ? 300_000 : 5) }));
  const outcome = await fetchFrom(index, { limits: { retriesMax: 3 } });
  const { failure } = outcome;
  assert.ok(failure?.code === "UPSTREAM_TRUNCATED" && failure.gotBytes > 200_000, "all that came is told");
  assert.equal(failure.wantedBytes, FILE.length);
  assert.equal(index.requests.length, 1 + 3);
  assert.deepEqual(outcome.sleptMs, [100, 200, 400]);
});

test("a date serves as validator where there is no tag", async () => {
  await using index = await fileServer(
    serving({ cutAfter: (count) => (count === 0 ? 300_000 : Infinity), headers: () => ({ "last-modified": OLD }) }),
  );
  assertWhole(await fetchFrom(index, { artifact: { hashes: {} } }));
  assert.deepEqual(
    index.requests.map(({ headers }) => headers["if-range"]),
    [undefined, OLD],
  );
});

test("without a validator a resumed file must have a hash, or it begins anew", async () => {
  const broken = { cutAfter: (count: number) => (count === 0 ? 300_000 : Infinity), headers: () => ({}) };
  await using hashed = await fileServer(serving(broken));
  const resumed = await fetchFrom(hashed);
  assertWhole(resumed);
  assert.match(asked(hashed)[1] ?? "", /^bytes=/);
  assert.equal(resumed.restartCount, 0);
  await using unhashed = await fileServer(serving(broken));
  const again = await fetchFrom(unhashed, { artifact: { hashes: {} } });
  assertWhole(again);
  assert.deepEqual(asked(unhashed), ["whole", "whole"]);
  assert.equal(again.restartCount, 1);
});

test("a server without ranges sends the whole again, and what has come is passed over", async () => {
  await using index = await fileServer(serving({ cutAfter: (count) => (count < 2 ? 300_000 + count * 300_000 : Infinity), ranges: false }));
  const outcome = await fetchFrom(index);
  assertWhole(outcome);
  assert.equal(outcome.restartCount, 0);
  assert.equal(asked(index)[2], "whole", "it isn't asked for a range twice");
});

test("a file that changed between begins anew, and nothing of the old is left", async () => {
  await using index = await fileServer(
    serving({
      cutAfter: (count) => (count === 0 ? 300_000 : Infinity),
      file: (count) => (count === 0 ? OTHER.subarray(0, 900_000) : FILE),
      headers: (count) => ({ etag: count === 0 ? '"other"' : '"one"' }),
    }),
  );
  const outcome = await fetchFrom(index);
  assertWhole(outcome);
  assert.deepEqual([outcome.restartCount, outcome.sizes], [1, [900_000, 1_000_000]]);
});

test("a file that changes all the time is given up", async () => {
  await using index = await fileServer(serving({ cutAfter: () => 300_000, headers: (count) => ({ etag: `"${count}"` }) }));
  const outcome = await fetchFrom(index, { limits: { retriesMax: 99 } });
  assert.match(JSON.stringify(outcome.failure), /"UPSTREAM_MALFORMED".*changes while/);
});

test("wrong Content-Range lines are not believed: the whole is asked for", async () => {
  for (const range of ["bytes 0-999999/1000000", "bytes 300001-999999/1000000", "nonsense"]) {
    const right = serving({ cutAfter: (count) => (count === 0 ? 300_000 : Infinity) });
    await using index = await fileServer((request, response, count) => {
      if (request.headers.range === undefined) right(request, response, count);
      else response.writeHead(206, { "content-range": range, etag: '"one"' }).end(FILE.subarray(0, 10));
    });
    assertWhole(await fetchFrom(index));
    assert.equal(asked(index).at(-1), "whole", range);
  }
});

test("silence within the file is survived as well", async () => {
  const right = serving({});
  await using index = await fileServer((request, response, count) => {
    if (count > 0) right(request, response, count);
    else response.writeHead(200, { etag: '"one"', "content-length": FILE.length }).write(FILE.subarray(0, 300_000));
  });
  assertWhole(await fetchFrom(index, { limits: { readTimeoutMs: 200 } }));
});

test("an answer that ends with its connection is believed only at the promised size", async () => {
  const until =
    (bytes: number): Answering =>
    (request, response, count) => {
      if (request.headers.range !== undefined) return serving({})(request, response, count);
      response.removeHeader("transfer-encoding");
      response.useChunkedEncodingByDefault = false;
      response.shouldKeepAlive = false;
      response.writeHead(200, { etag: '"one"', connection: "close" }).end(FILE.subarray(0, bytes));
    };
  await using cut = await fileServer(until(400_000));
  const outcome = await fetchFrom(cut, { artifact: { sizeBytes: FILE.length } });
  assertWhole(outcome);
  assert.deepEqual(asked(cut), ["whole", "bytes=400000-"]);
});

test("a size other than the promised one is refused before a byte is taken", async () => {
  await using index = await fileServer(serving({}));
  const outcome = await fetchFrom(index, { artifact: { sizeBytes: 999_999 } });
  assert.deepEqual(outcome.failure, {
    code: "UPSTREAM_SIZE_MISMATCH",
    url: `${index.origin}/files/a-1.0-py3-none-any.whl`,
    wantedBytes: 999_999,
    gotBytes: 1_000_000,
  });
  assert.equal(outcome.chunkCount, 0);
});

test("more than the promised or allowed size is never taken, length or no length", async () => {
  await using told = await fileServer(serving({}));
  assert.equal((await fetchFrom(told, { limits: { fileMaxBytes: 999_999 } })).failure?.code, "UPSTREAM_TOO_LARGE");
  await using untold = await fileServer((_request, response) => {
    response.write(FILE.subarray(0, 500_000));
    response.end(FILE.subarray(500_000));
  });
  const large = await fetchFrom(untold, { limits: { fileMaxBytes: 700_000 } });
  assert.equal(large.failure?.code, "UPSTREAM_TOO_LARGE");
  assert.ok(large.bytes.length <= 700_000);
  assert.equal((await fetchFrom(untold, { artifact: { sizeBytes: 700_000 } })).failure?.code, "UPSTREAM_SIZE_MISMATCH");
  assert.equal((await fetchFrom(untold, { artifact: { sizeBytes: 1_000_001 } })).failure?.code, "UPSTREAM_SIZE_MISMATCH");
});

test("a coding that wasn't asked for is refused, except where it names what the file is anyway", async () => {
  await using index = await fileServer((_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(FILE));
  assert.match(JSON.stringify((await fetchFrom(index)).failure), /"UPSTREAM_MALFORMED".*content-encoding gzip/);
  assertWhole(await fetchFrom(index, { artifact: { filename: "a-1.0.tar.gz" } }));
});

test("a file that isn't there is a status", async () => {
  await using index = await fileServer((_request, response) => response.writeHead(404).end());
  const { failure } = await fetchFrom(index);
  assert.equal(failure?.code === "UPSTREAM_STATUS" && failure.status, 404);
});

const SPLIT = { limits: { parallelRanges: 4, retriesMax: 3 }, splitAboveBytes: 500_000 } as const;

test("a large file comes in ranges at once, of one version, each byte once", async () => {
  await using index = await fileServer(serving({}));
  const outcome = await fetchFrom(index, SPLIT);
  assertWhole(outcome);
  assert.deepEqual(asked(index).sort(), ["bytes=250000-499999", "bytes=500000-749999", "bytes=750000-999999", "whole"]);
  assert.ok(index.requests.filter(({ headers }) => headers.range !== undefined).every(({ headers }) => headers["if-range"] === '"one"'));
});

test("a small file, a weak tag or no word of ranges means one request", async () => {
  await using small = await fileServer(serving({}));
  assertWhole(await fetchFrom(small, { ...SPLIT, splitAboveBytes: FILE.length }));
  await using weak = await fileServer(serving({ headers: () => ({ etag: 'W/"one"' }) }));
  assertWhole(await fetchFrom(weak, SPLIT));
  await using silent = await fileServer(serving({ ranges: false }));
  assertWhole(await fetchFrom(silent, SPLIT));
  assert.deepEqual([...asked(small), ...asked(weak), ...asked(silent)], ["whole", "whole", "whole"]);
});

test("ranges that break off go on by themselves", async () => {
  await using index = await fileServer(serving({ cutAfter: () => 100_000 }));
  const outcome = await fetchFrom(index, SPLIT);
  assertWhole(outcome);
  assert.equal(outcome.restartCount, 0);
  assert.ok(index.requests.length >= 10);
});

test("a server that promised ranges and refuses them is left to one request", async () => {
  const right = serving({});
  for (const status of [200, 403, 416]) {
    await using index = await fileServer((request, response, count) => {
      if (request.headers.range === undefined || status === 200)
        serving({ ranges: request.headers.range === undefined })(request, response, count);
      else response.writeHead(status).end();
    });
    const outcome = await fetchFrom(index, SPLIT);
    assertWhole(outcome);
    assert.equal(outcome.restartCount, 0, String(status));
  }
  // One piece of three fails, after the first request may long have brought its share.
  await using index = await fileServer((request, response, count) => {
    if (!request.headers.range?.endsWith("-749999")) right(request, response, count);
    else setTimeout(() => response.writeHead(403).end(), 100);
  });
  assertWhole(await fetchFrom(index, SPLIT));
  assert.ok(asked(index).length >= 5, "the rest is asked for once more");
});

test("a file that changes while its pieces come begins anew as one request", async () => {
  await using index = await fileServer((request, response, count) => {
    // The first request breaks off once the new file is there; the pieces are of the old.
    const isOld = count < 4;
    const cutAfter = request.headers.range === undefined && isOld ? 100_000 : Infinity;
    serving({ file: () => (isOld ? OTHER : FILE), headers: () => ({ etag: isOld ? '"other"' : '"one"' }), cutAfter: () => cutAfter })(
      request,
      response,
      count,
    );
  });
  const outcome = await fetchFrom(index, SPLIT);
  assertWhole(outcome);
  assert.equal(outcome.restartCount, 1);
});

test("who stops reading ends all requests", async () => {
  let openCount = 0;
  await using index = await fileServer((request, response) => {
    openCount++;
    response.on("close", () => openCount--);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
    const isPart = first !== undefined;
    const length = isPart ? Number(last) - Number(first) + 1 : 1_000_000;
    const part = isPart ? { "content-range": `bytes ${first}-${last}/1000000` } : {};
    response.writeHead(isPart ? 206 : 200, { etag: '"one"', "accept-ranges": "bytes", "content-length": length, ...part });
    response.write(FILE.subarray(0, 1_000));
  });
  await using client = clientOf(index.origin);
  const events = download({
    upstream: client.upstream,
    artifact: {
      kind: "file",
      project: "a",
      filename: "a.whl",
      source: { kind: "index", index: "index-1", url: `${index.origin}/a.whl` },
      hashes: {},
      sizeBytes: null,
    },
    limits: { ...UPSTREAM, parallelRanges: 4 },
    signal: new AbortController().signal,
    splitAboveBytes: 500_000,
  });
  for await (const event of events) if (event.kind === "chunk") break;
  const deadlineMs = performance.now() + 5_000;
  while (openCount > 0 && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(openCount, 0);
});
