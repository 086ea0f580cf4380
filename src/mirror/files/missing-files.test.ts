import assert from "node:assert/strict";
import test from "node:test";
import type { Artifact, ArtifactKind } from "../artifact.ts";
import type { UpstreamFailure } from "../failures.ts";
import { MissingFiles } from "./missing-files.ts";

const TTL_MS = 60_000;

function artifact(kind: ArtifactKind, name = "a", project = "demo"): Artifact {
  const source = { kind: "index", index: "index-1", url: `https://index.example/${name}` } as const;
  return { kind, project, filename: name, source, hashes: {}, sizeBytes: null };
}

function gone(status: number): UpstreamFailure {
  return { code: "UPSTREAM_STATUS", url: "https://index.example/a", status, retryAfterMs: null };
}

test("that an index has no metadata, signature or provenance is believed for a while", () => {
  const clock = { nowMs: 1_000 };
  for (const kind of ["metadata", "signature", "provenance"] as const) {
    const missing = new MissingFiles(TTL_MS, () => clock.nowMs);
    clock.nowMs = 1_000;
    assert.equal(missing.recent(artifact(kind)), null);
    missing.note(artifact(kind), gone(404));
    clock.nowMs += TTL_MS - 1;
    assert.deepEqual(missing.recent(artifact(kind)), gone(404));
    clock.nowMs += 1;
    assert.equal(missing.recent(artifact(kind)), null);
    missing.note(artifact(kind), gone(410));
    clock.nowMs = 0;
    assert.equal(missing.recent(artifact(kind)), null, "a clock that was put back");
  }
});

test("a distribution that is listed and gone is asked for each time, and so is what failed in another way", () => {
  const missing = new MissingFiles(TTL_MS, () => 0);
  missing.note(artifact("file"), gone(404));
  missing.note(artifact("metadata"), gone(503));
  missing.note(artifact("metadata"), { code: "UPSTREAM_TIMEOUT", url: "https://index.example/a", timeoutMs: 1 });
  assert.equal(missing.recent(artifact("file")), null);
  assert.equal(missing.recent(artifact("metadata")), null);
});

test("what one address lacks says nothing of another, of another index, or of another kind", () => {
  const missing = new MissingFiles(TTL_MS, () => 0);
  missing.note(artifact("metadata"), gone(404));
  assert.equal(missing.recent(artifact("signature")), null);
  assert.equal(missing.recent(artifact("metadata", "b")), null);
  const elsewhere = { ...artifact("metadata"), source: { kind: "index", index: "index-2", url: "https://index.example/a" } as const };
  assert.equal(missing.recent(elsewhere), null);
});

test("a project that is to be asked for anew has nothing missing", () => {
  const missing = new MissingFiles(TTL_MS, () => 0);
  missing.note(artifact("metadata", "a", "one"), gone(404));
  missing.note(artifact("metadata", "b", "two"), gone(404));
  missing.forget("one");
  assert.equal(missing.recent(artifact("metadata", "a", "one")), null);
  assert.notEqual(missing.recent(artifact("metadata", "b", "two")), null);
});

test("beyond 10,000 the oldest are asked for again; with no time to believe, all are", () => {
  const missing = new MissingFiles(TTL_MS, () => 0);
  for (let count = 0; count <= 10_000; count++) missing.note(artifact("metadata", String(count)), gone(404));
  assert.equal(missing.recent(artifact("metadata", "0")), null);
  assert.notEqual(missing.recent(artifact("metadata", "1")), null);
  const never = new MissingFiles(0, () => 0);
  never.note(artifact("metadata"), gone(404));
  assert.equal(never.recent(artifact("metadata")), null);
});
