import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Config } from "../config/config.ts";
import { type Watch, watchSource } from "./watch.ts";

let root: string;
let watch: Watch | null = null;
let changeCount = 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "watch-"));
  for (const folder of ["api", "node_modules/zod", ".pilotlight/bundles", ".git"]) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "hello.ts"), "1");
  changeCount = 0;
});
afterEach(async () => {
  await watch?.close();
  rmSync(root, { recursive: true });
});

const config = (source: Config["source"]): Config => ({ source, dataDir: join(root, ".pilotlight") }) as Config;
const onChange = (): void => void changeCount++;

async function changes(count: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (changeCount < count && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(changeCount, count);
}

test("a saved function, a new one and a changed folder are noticed", async () => {
  watch = await watchSource(config({ kind: "folder", path: root }), onChange);
  writeFileSync(join(root, "hello.ts"), "2");
  await changes(1);
  writeFileSync(join(root, "api", "new.ts"), "1");
  await changes(2);
});

test("the data folder, node_modules and hidden folders are not watched", async () => {
  watch = await watchSource(config({ kind: "folder", path: root }), onChange);
  for (const file of ["node_modules/zod/x.js", ".pilotlight/bundles/x.js", ".git/index"]) writeFileSync(join(root, file), "2");
  // Were one of those noticed, this one would be the second.
  await new Promise((resolve) => setTimeout(resolve, 300));
  writeFileSync(join(root, "hello.ts"), "3");
  await changes(1);
});

test("the server's own log beside the functions is no change of theirs", async () => {
  watch = await watchSource(config({ kind: "folder", path: root }), onChange);
  for (const file of ["out", "dev.log", "hello.http"]) writeFileSync(join(root, file), "a line");
  await new Promise((resolve) => setTimeout(resolve, 300));
  writeFileSync(join(root, "hello.ts"), "3");
  await changes(1);
});

test("a single file is watched with the modules beside it", async () => {
  watch = await watchSource(config({ kind: "file", path: join(root, "hello.ts") }), onChange);
  writeFileSync(join(root, "_shared.ts"), "1");
  await changes(1);
});

test("code from the command line has nothing to watch", async () => {
  watch = await watchSource(config({ kind: "eval", code: "" }), onChange);
  assert.equal(watch, null);
});
