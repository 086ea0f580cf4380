import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { stampOfPath } from "../../base/file-stamp.ts";
import { openFolderFile } from "./folder-file.ts";

const dir = mkdtempSync(join(tmpdir(), "pilotlight-folder-file-"));
after(() => rmSync(dir, { recursive: true }));

test("what is given out is the file that was looked at: neither another of its size and time, nor what is gone", async () => {
  const path = join(dir, "demo-1.0.tar.gz");
  const write = (text: string) => {
    writeFileSync(path, text);
    utimesSync(path, 1_000_000, 1_000_000);
  };
  write("one");
  const place = { path, stamp: stampOfPath(path) };
  const opened = await openFolderFile(place);
  assert.ok(opened.ok && typeof opened.value !== "string");
  assert.equal(opened.value.sizeBytes, 3);
  await opened.value.close();
  write("two");
  assert.deepEqual(await openFolderFile(place), { ok: true, value: "changed" });
  rmSync(path);
  assert.deepEqual(await openFolderFile(place), { ok: true, value: "gone" });
});
