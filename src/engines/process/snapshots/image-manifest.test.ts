import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifest, writeManifest } from "./image-manifest.ts";

const MANIFEST = {
  key: "0123456789abcdef0123456789abcdef",
  details: { pid: 1_000, stdout: "pipe:[17]" },
  files: [{ name: "pages-1.img", bytes: 4_096, sha256: "ab".repeat(32) }],
  sources: [{ path: "/srv/ünter uns/report.py", bytes: 12, modifiedMs: 1_700_000_000_000.5 }],
};

test("a manifest is read as it was written", () => {
  assert.deepEqual(readManifest(writeManifest(MANIFEST)), MANIFEST);
});

test("a manifest that was cut short anywhere, or changed in one byte, is none", () => {
  const bytes = Buffer.from(writeManifest(MANIFEST));
  for (let at = 0; at < bytes.length; at++) {
    assert.equal(readManifest(bytes.toString("utf8", 0, at)), null, `cut at ${at}`);
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1;
    assert.equal(readManifest(flipped.toString("utf8")), null, `changed at ${at}`);
  }
});
