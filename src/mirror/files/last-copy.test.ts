import assert from "node:assert/strict";
import { test } from "node:test";
import { fail, ok, type Result } from "../../base/result.ts";
import type { IndexConfig } from "../../config/mirror-config.ts";
import type { Artifact } from "../artifact.ts";
import type { UpstreamFailure } from "../failures.ts";
import type { UpstreamAnswer, UpstreamRequest } from "../upstream/upstream.ts";
import { type LastCopyParts, lastCopy } from "./last-copy.ts";

const SHA256 = "a".repeat(64);
const URL = "http://files.example/demo-1.0.zip";
const ARTIFACT: Artifact = {
  kind: "file",
  project: "demo",
  filename: "demo-1.0.zip",
  source: { kind: "index", index: "index-1", url: URL },
  hashes: { sha256: SHA256 },
  sizeBytes: 3,
};
const DOWN: UpstreamFailure = { code: "UPSTREAM_UNREACHABLE", url: URL, reason: "it refused the connection" };

interface World {
  readonly answer?: Result<number, UpstreamFailure>;
  readonly isStored?: boolean;
  readonly offline?: boolean;
  readonly linked?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function judged(
  { answer = ok(206), isStored = true, offline = false, linked, headers = { "content-range": "bytes 0-0/3" } }: World,
  artifact = ARTIFACT,
) {
  const asked: UpstreamRequest[] = [];
  let discarded = 0;
  const parts = {
    config: { indexes: [{ name: "index-1" } as IndexConfig], upstream: { offline } as LastCopyParts["config"]["upstream"] },
    store: { find: async (sha256: string) => ok(isStored ? { sha256, sizeBytes: 3 } : null) },
    links: { at: async () => (linked === undefined ? null : { sha256: linked, linkedAtMs: 0 }) },
    upstream: {
      async request(request: UpstreamRequest) {
        asked.push(request);
        if (!answer.ok) return answer;
        return ok({
          status: answer.value,
          header: (name: string) => headers[name] ?? null,
          discard: () => void discarded++,
        } as unknown as UpstreamAnswer);
      },
    },
  };
  const failure = await lastCopy(parts, artifact);
  return { failure, asked: asked.length, discarded };
}

test("what its index gives again may go, and no more than the head of its answer is read", async () => {
  const worlds: World[] = [
    { answer: ok(206) },
    { answer: ok(200), headers: {} },
    { answer: ok(200), headers: { "content-length": "3", "content-type": "application/zip" } },
    { answer: ok(200), headers: { "content-length": "9", "content-encoding": "gzip" } },
  ];
  for (const world of worlds) assert.deepEqual(await judged(world), { failure: null, asked: 1, discarded: 1 });
});

test("what does not promise these bytes is no promise: another size, none, a web page, a status that has no file", async () => {
  for (const [status, headers, reason] of [
    [304, {}, /304/],
    [416, {}, /416/],
    [206, {}, /how large/],
    [206, { "content-range": "bytes 0-0/*" }, /how large/],
    [206, { "content-range": "bytes 0-0/4" }, /4 bytes .* this copy 3/],
    [200, { "content-length": "4" }, /4 bytes .* this copy 3/],
    [200, { "content-type": "text/html; charset=utf-8" }, /web page/],
    [206, { "content-range": "bytes 0-0/3", "content-type": "Text/HTML" }, /web page/],
  ] as const) {
    const { failure, discarded } = await judged({ answer: ok(status), headers: headers as Record<string, string> });
    assert.ok(failure?.code === "LAST_COPY" && reason.test(failure.reason), `${status} ${JSON.stringify(headers)}`);
    assert.equal(discarded, 1);
  }
});

test("what an index that is down, or no longer has it, could not give again is the last copy, and the reason is told", async () => {
  const down = await judged({ answer: fail(DOWN) });
  assert.deepEqual(down.failure, { code: "LAST_COPY", what: "demo-1.0.zip", reason: `Cannot fetch ${URL}: it refused the connection` });
  const gone = await judged({ answer: ok(404) });
  assert.deepEqual(gone, {
    failure: { code: "LAST_COPY", what: "demo-1.0.zip", reason: "its index no longer has it (404)" },
    asked: 1,
    discarded: 1,
  });
});

test("nobody is asked while offline, of an index that this mirror doesn't have, or for what is not stored", async () => {
  assert.deepEqual(await judged({ offline: true }), { failure: { code: "OFFLINE_KEEPS", what: "demo-1.0.zip" }, asked: 0, discarded: 0 });
  const brought = await judged({}, { ...ARTIFACT, source: { kind: "index", index: "theirs", url: URL } });
  assert.ok(brought.failure?.code === "LAST_COPY" && /a bundle from the index theirs/.test(brought.failure.reason));
  assert.equal(brought.asked, 0);
  assert.deepEqual(await judged({ isStored: false, offline: true }), { failure: null, asked: 0, discarded: 0 });
  const own: Artifact = { ...ARTIFACT, source: { kind: "folder", path: "/packages/demo-1.0.zip", stamp: "1" } };
  assert.deepEqual(await judged({ offline: true }, own), { failure: null, asked: 0, discarded: 0 });
});

test("a file without a promised hash is found by what its address led to", async () => {
  const hashless = { ...ARTIFACT, hashes: {} };
  assert.deepEqual(await judged({ answer: fail(DOWN) }, hashless), { failure: null, asked: 0, discarded: 0 });
  assert.equal((await judged({ answer: fail(DOWN), linked: SHA256 }, hashless)).failure?.code, "LAST_COPY");
});
