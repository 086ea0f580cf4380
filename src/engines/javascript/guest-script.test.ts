import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
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

test("a script that another copy of the package left in the cache is not taken for ours", async () => {
  const { hash } = await guestScript("wasi", cacheDir);
  const foreign = "throw new Error('not ours')";
  const foreignHash = createHash("sha256").update(foreign).digest("hex");
  const index = join(cacheDir, "guest", "wasi.json");
  const copied = join(cacheDir, "boot.ts");
  await writeFile(copied, foreign);
  await writeFile(join(cacheDir, "guest", `${foreignHash}.js`), foreign);
  const { mtimeMs, size } = await stat(copied);
  const inputs = [{ path: copied, mtimeMs, sizeBytes: size }];
  await writeFile(index, JSON.stringify({ ...JSON.parse(await readFile(index, "utf8")), hash: foreignHash, inputs }));
  assert.equal((await guestScript("wasi", cacheDir)).hash, hash);
});
