import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { guestScript } from "./guest-script.ts";

const cacheDir = await mkdtemp(join(tmpdir(), "pilotlight-prelude-"));
after(() => rm(cacheDir, { recursive: true }));

test("the prelude is one classic script with a stable hash", async () => {
  const first = await guestScript("prelude", cacheDir);
  assert.doesNotThrow(() => new Function(first.code));
  assert.match(first.code, /__pilotlight_boot/);
  assert.match(first.hash, /^[0-9a-f]{64}$/);
  assert.deepEqual(await guestScript("prelude", cacheDir), first);
});

test("a damaged or outdated cache is made again", async () => {
  const good = await guestScript("prelude", cacheDir);
  const folder = join(cacheDir, "guest");
  for (const name of await readdir(folder)) {
    await writeFile(join(folder, name), "{}");
    assert.deepEqual(await guestScript("prelude", cacheDir), good, name);
  }
  const index = JSON.parse(await readFile(join(folder, "prelude.json"), "utf8"));
  index.inputs[0].sizeBytes++;
  await writeFile(join(folder, "prelude.json"), JSON.stringify(index));
  assert.deepEqual(await guestScript("prelude", cacheDir), good);
});
