import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";
import type { BundleSource } from "../src/engines/javascript/bundle.ts";
import { findBundle, getBundle, type StoredBundle } from "../src/engines/javascript/bundle-cache.ts";
import { sweepFolder } from "../src/engines/javascript/bundle-sweep.ts";
import { projectOf, save } from "./support/bundled.ts";

const project = await projectOf({});
after(() => project.remove());

let source: BundleSource;
let cacheDir: string;
let count = 0;

/** Each test has a project and a cache of its own. */
beforeEach(async () => {
  const root = join(project.root, String(++count));
  cacheDir = join(root, "data");
  source = { id: "a", file: join(root, "a.ts"), sourceRoot: root };
  await save(source.file, 'import { b } from "./lib/b"; export default () => b');
  await save(join(root, "lib/b.ts"), "export const b = 1");
});

const beside = (name: string): string => join(source.sourceRoot, name);

async function build(): Promise<StoredBundle> {
  const result = await getBundle(source, cacheDir, "serve");
  assert.ok(result.ok, result.ok ? "" : result.failure.message);
  return result.value;
}

const find = () => findBundle(source, cacheDir, "serve");

test("what was built is found again, until a file it was made of changes", async () => {
  assert.equal(find(), null);
  const built = await build();
  assert.deepEqual(find(), built);
  await save(beside("lib/b.ts"), "export const b = 2");
  assert.equal(find(), null);
  assert.match(await readFile((await build()).codeFile, "utf8"), /b = 2/);
});

test("a file that was only touched keeps the bundle", async () => {
  const built = await build();
  const past = new Date(Date.now() - 30_000);
  await utimes(beside("lib/b.ts"), past, past);
  assert.deepEqual(find(), built);
});

test("an edit that keeps size and time is seen when both are fresh", async () => {
  const now = new Date();
  await writeFile(beside("lib/b.ts"), "export const b = 1");
  await utimes(beside("lib/b.ts"), now, now);
  await build();
  await writeFile(beside("lib/b.ts"), "export const b = 3");
  await utimes(beside("lib/b.ts"), now, now);
  assert.equal(find(), null);
});

test("a new file that an import would find first ends the bundle", async () => {
  await build();
  await save(beside("lib/b.tsx"), "export const b = 9");
  assert.equal(find(), null);
  assert.match(await readFile((await build()).codeFile, "utf8"), /b = 9/);
});

test("a tsconfig that appears or changes ends the bundle", async () => {
  await build();
  await save(beside("tsconfig.json"), '{"compilerOptions":{"jsxFactory":"x"}}');
  assert.equal(find(), null);
  await build();
  await save(beside("tsconfig.json"), '{"compilerOptions":{"jsxFactory":"y"}}');
  assert.equal(find(), null);
});

test("dev, serve and build have bundles of their own", async () => {
  await build();
  assert.equal(findBundle(source, cacheDir, "dev"), null);
  assert.equal(findBundle(source, cacheDir, "build"), null);
});

test("damage to any file of an entry leads to a rebuild", async () => {
  const good = await build();
  const folder = join(cacheDir, "bundles");
  for (const name of await readdir(folder)) {
    for (const content of ["", "{}", "null", "garbage"]) {
      if (name.endsWith(".map") && content !== "") continue;
      if (name.endsWith(".map")) await rm(join(folder, name));
      else await writeFile(join(folder, name), content);
      assert.equal(find(), null, `${name} holding ${JSON.stringify(content)}`);
      assert.deepEqual(await build(), good);
    }
  }
});

test("callers that ask at once share one build", async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => getBundle(source, cacheDir, "serve")));
  assert.equal(new Set(results.map((result) => JSON.stringify(result))).size, 1);
});

test("a failed build is not remembered", async () => {
  await save(beside("lib/b.ts"), "export const = 1");
  const failed = await getBundle(source, cacheDir, "serve");
  assert.equal(failed.ok ? "" : failed.failure.code, "SYNTAX_ERROR");
  await save(beside("lib/b.ts"), "export const b = 1");
  assert.equal((await getBundle(source, cacheDir, "serve")).ok, true);
});

test("a cache that can't be written is a failure that says where", async () => {
  await writeFile(cacheDir, "a file, not a folder");
  const result = await getBundle(source, cacheDir, "serve");
  assert.equal(result.ok ? "" : result.failure.code, "CACHE_UNWRITABLE");
});

const BUILD_URL = pathToFileURL(join(import.meta.dirname, "../src/engines/javascript/bundle-cache.ts")).href;

test("a hit loads no bundler", async () => {
  await build();
  const code = `
    const { getBundle } = await import(${JSON.stringify(BUILD_URL)});
    const result = await getBundle(${JSON.stringify(source)}, ${JSON.stringify(cacheDir)}, "serve");
    if (!result.ok) process.exit(3);
    const { createRequire } = await import("node:module");
    const loaded = Object.keys(createRequire(${JSON.stringify(BUILD_URL)}).cache ?? {}).some((path) => path.includes("/esbuild/lib/"));
    process.exit(loaded ? 4 : 0);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "inherit" });
  const [status] = await once(child, "exit");
  assert.equal(status, 0);
});

test("writers killed at any moment leave a cache that serves whole bundles", async () => {
  const code = `
    const { getBundle } = await import(${JSON.stringify(BUILD_URL)});
    const { rmSync } = await import("node:fs");
    for (;;) {
      await getBundle(${JSON.stringify(source)}, ${JSON.stringify(cacheDir)}, "serve");
      process.send("built");
      rmSync(${JSON.stringify(join(cacheDir, "bundles"))}, { recursive: true, force: true });
    }`;
  for (const delayMs of [0, 2, 5]) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    await once(child, "message");
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    child.kill("SIGKILL");
    await once(child, "exit");
    const found = find();
    if (found !== null) assert.match(await readFile(found.codeFile, "utf8"), /__pilotlight_install/);
    assert.match(await readFile((await build()).codeFile, "utf8"), /__pilotlight_install/);
  }
});

test("the sweep removes what was longest unused, and nothing young", async () => {
  const folder = join(cacheDir, "bundles");
  await mkdir(folder, { recursive: true });
  const nowMs = Date.now();
  for (const [name, ageMs] of Object.entries({ oldest: 9_000_000, old: 8_000_000, used: 7_000_000, young: 1_000 })) {
    await writeFile(join(folder, name), "x".repeat(100));
    await utimes(join(folder, name), (nowMs - ageMs) / 1000, (nowMs - ageMs) / 1000);
  }
  const limits = { bytesMax: 250, fileMaxCount: 10, spareYoungerThanMs: 3_600_000 };
  await sweepFolder(folder, limits);
  assert.deepEqual((await readdir(folder)).sort(), ["used", "young"]);
  await sweepFolder(folder, { ...limits, bytesMax: 0 });
  assert.deepEqual(await readdir(folder), ["young"]);
});

test("a bundle in use is kept young for the sweep", async () => {
  const built = await build();
  const past = new Date(Date.now() - 9_000_000);
  for (const name of await readdir(join(cacheDir, "bundles"))) await utimes(join(cacheDir, "bundles", name), past, past);
  assert.deepEqual(find(), built);
  assert.ok((await stat(built.codeFile)).mtimeMs > past.getTime() + 1_000_000);
});
