import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { sha256 } from "../../base/sha256.ts";
import { MIB } from "../../base/units.ts";
import { type Inspection, inspectFile } from "./inspect-file.ts";
import { Inspector } from "./inspector.ts";

const dir = mkdtempSync(join(tmpdir(), "pilotlight-inspect-"));
after(() => rmSync(dir, { recursive: true }));

function put(name: string, content: string | Uint8Array): string {
  writeFileSync(join(dir, name), content);
  return join(dir, name);
}

function reason(inspection: Inspection): string {
  assert.ok(!inspection.ok);
  return inspection.failure.reason;
}

test("a file is hashed whatever its length", () => {
  for (const length of [0, 1, MIB, MIB + 1, 3 * MIB]) {
    const content = Buffer.alloc(length, "content");
    const inspection = inspectFile(put("file", content), false);
    assert.ok(inspection.ok);
    assert.deepEqual([inspection.value.sha256, inspection.value.sizeBytes], [sha256(content), length]);
  }
});

test("a link, a folder and a pipe are not read, though they took the place of a file", () => {
  symlinkSync(put("secret", "secret"), join(dir, "link"));
  execFileSync("mkfifo", [join(dir, "pipe")]);
  assert.match(reason(inspectFile(join(dir, "link"), false)), /ELOOP/);
  assert.equal(reason(inspectFile(dir, false)), "it is no regular file");
  assert.equal(reason(inspectFile(join(dir, "pipe"), false)), "it is no regular file");
  assert.equal(reason(inspectFile(join(dir, "nowhere"), false)), "it is gone");
});

test("a thread reads files, and those that it has not read when the mirror stops are told as such", async () => {
  const inspector = new Inspector();
  const path = put("file", "content");
  const read = await inspector.inspect(path, false);
  assert.ok(read.ok);
  assert.equal(read.value.sha256, sha256("content"));
  const lost = inspector.inspect(path, false);
  await inspector.close();
  assert.equal(reason(await lost), "the mirror is stopping");
  assert.equal(reason(await inspector.inspect(path, false)), "the mirror is stopping");
});
