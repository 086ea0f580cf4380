import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeFileAtomic } from "./atomic-file.ts";

const folder = await mkdtemp(join(tmpdir(), "pilotlight-atomic-"));
after(() => rm(folder, { recursive: true }));

test("writers that race leave the whole content of one of them and no temporary file", async () => {
  const file = join(folder, "raced");
  const contents = Array.from({ length: 8 }, (_, index) => String(index).repeat(100_000));
  await Promise.all(contents.map((content) => writeFileAtomic(file, content)));
  assert.ok(contents.includes(await readFile(file, "utf8")));
  assert.deepEqual(await readdir(folder), ["raced"]);
});

test("a write that can't end keeps the old file away from harm and reports the reason", async () => {
  await assert.rejects(writeFileAtomic(join(folder, "absent", "file"), "x"), { code: "ENOENT" });
  assert.deepEqual(await readdir(folder), ["raced"]);
});
