import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fail, ok } from "../../../base/result.ts";
import { startTimeOf } from "../launch/process-tree.ts";
import { beginWork, openImageFolder } from "./image-folder.ts";
import { ImageStore, sourceFiles } from "./image-store.ts";

const KEY = "0123456789abcdef0123456789abcdef";
const OTHER_KEY = "fedcba9876543210fedcba9876543210";
const base = mkdtempSync(join(tmpdir(), "pl-images-"));
after(() => rmSync(base, { recursive: true, force: true }));
let count = 0;

function folderOf(root = join(base, `root-${count++}`)): string {
  const folder = openImageFolder(root, "criu", "api/[id].report");
  assert.ok(folder.ok, folder.ok ? "" : folder.failure);
  return folder.value;
}

async function build(dir: string) {
  writeFileSync(join(dir, "core.img"), "core");
  writeFileSync(join(dir, "pages-1.img"), Buffer.alloc(5_000, 7));
  return ok({ details: { pid: 1_000 }, sources: [] });
}

test("what was made is found, by this process and the next", async () => {
  const folder = folderOf();
  const made = await new ImageStore<{ pid: number }>(folder).make(KEY, build);
  assert.ok(made.ok);
  const found = await new ImageStore<{ pid: number }>(folder).find(KEY);
  assert.ok(found.ok);
  assert.deepEqual(found.value, made.value);
  assert.deepEqual(found.value?.details, { pid: 1_000 });
  assert.deepEqual(readdirSync(folder), [KEY]);
  assert.equal(statSync(join(folder, KEY)).mode & 0o777, 0o700);
});

test("making that fails, throws or is given up leaves nothing", async () => {
  const folder = folderOf();
  const store = new ImageStore(folder);
  const failed = await store.make(KEY, async (dir) => {
    writeFileSync(join(dir, "half.img"), "half");
    return fail("CRIU can't dump it");
  });
  assert.deepEqual(failed, { ok: false, failure: "CRIU can't dump it" });
  const thrown = await store.make(KEY, () => Promise.reject(new Error("ENOSPC: no space left on device")));
  assert.match(
    thrown.ok ? "" : thrown.failure,
    /^there is no room left in \S+; free some, or set snapshot_dir \(its image can't be written: ENOSPC/,
  );
  assert.deepEqual(readdirSync(folder), []);
  assert.deepEqual(await store.find(KEY), { ok: true, value: null });
});

test("an image that is torn, rotten, or of other code is not used, and gone", async () => {
  const [core, pages] = ["core.img", "pages-1.img"];
  for (const [spoil, told] of [
    [(dir: string) => writeFileSync(join(dir, pages), Buffer.alloc(4_999, 7)), /pages-1.img has 4999 bytes in place of 5000/],
    [(dir: string) => writeFileSync(join(dir, pages), Buffer.alloc(5_000, 8)), /pages-1.img is not what was written/],
    [(dir: string) => rmSync(join(dir, core)), /core.img is missing/],
    [(dir: string) => rmSync(join(dir, "manifest")), /it has no manifest/],
    [(dir: string) => appendFileSync(join(dir, "manifest"), " "), /its manifest is torn/],
  ] as const) {
    const folder = folderOf();
    await new ImageStore(folder).make(KEY, build);
    spoil(join(folder, KEY));
    const found = await new ImageStore(folder).find(KEY);
    assert.match(found.ok ? "" : found.failure, told);
    assert.deepEqual(readdirSync(folder), []);
  }
  const folder = folderOf();
  await new ImageStore(folder).make(KEY, build);
  renameSync(join(folder, KEY), join(folder, OTHER_KEY));
  const found = await new ImageStore(folder).find(OTHER_KEY);
  assert.match(found.ok ? "" : found.failure, /it is an image of other code or settings/);
  assert.deepEqual(readdirSync(folder), []);
});

test("an image of a source that has changed, or is gone, is not used", async () => {
  for (const [change, told] of [
    [(file: string) => utimesSync(file, 1, 1), /table.py, which it was made of, has changed/],
    [(file: string) => rmSync(file), /table.py, which it was made of, is gone/],
  ] as const) {
    const folder = folderOf();
    const source = join(base, "table.py");
    writeFileSync(source, "TABLE = {}");
    await new ImageStore(folder).make(KEY, async (dir) => {
      await build(dir);
      return ok({ details: null, sources: await sourceFiles([source, join(base, "not there")]) });
    });
    assert.ok((await new ImageStore(folder).find(KEY)).ok);
    change(source);
    const found = await new ImageStore(folder).find(KEY);
    assert.match(found.ok ? "" : found.failure, told);
  }
});

test("between two uses, somebody at an image is seen", async () => {
  const folder = folderOf();
  const store = new ImageStore(folder);
  const made = await store.make(KEY, build);
  assert.ok(made.ok && store.isUnchanged(made.value));
  writeFileSync(join(folder, KEY, "core.img"), "c0re");
  assert.ok(!store.isUnchanged(made.value));
  store.drop(made.value);
  assert.ok(!store.isUnchanged(made.value));
});

test("of two that make the same image, the first counts for both", async () => {
  const folder = folderOf();
  const [one, other] = [new ImageStore<{ pid: number }>(folder), new ImageStore<{ pid: number }>(folder)];
  const late = await other.make(KEY, async (dir) => {
    assert.ok(one.isBeingMade(KEY));
    assert.ok((await one.make(KEY, build)).ok);
    await build(dir);
    return ok({ details: { pid: 2_000 }, sources: [] });
  });
  assert.ok(late.ok);
  assert.deepEqual(late.value.details, { pid: 1_000 });
  assert.ok(!one.isBeingMade(KEY));
  assert.deepEqual(readdirSync(folder), [KEY]);
});

test("what the dead have begun is swept, and of old images the newest stay", async () => {
  const folder = folderOf();
  const dead = `making-${KEY}-${process.pid}-${Number(startTimeOf(process.pid)) - 1}-0`;
  mkdirSync(join(folder, dead));
  const living = beginWork(folder, "using", KEY);
  assert.ok(!new ImageStore(folder).isBeingMade(KEY));
  const old = ["1", "2", "3", "4"].map((digit) => digit.repeat(32));
  for (const [age, name] of old.entries()) {
    mkdirSync(join(folder, name));
    utimesSync(join(folder, name), age + 1, age + 1);
  }
  await new ImageStore(folder).make(KEY, build);
  assert.deepEqual(readdirSync(folder).sort(), [KEY, old[2]!, old[3]!, living.split("/").at(-1)!].sort());
});

test("a folder that others could write is not used", () => {
  const root = join(base, "open");
  mkdirSync(root);
  chmodSync(root, 0o777);
  const folder = openImageFolder(root, "criu", "f");
  assert.match(folder.ok ? "" : folder.failure, /can be written by others, who could put anything in there; chmod go-w/);
});

test("nor one that is another user's", { skip: process.geteuid!() !== 0 && "only root can give a folder away" }, () => {
  const root = join(base, "given away");
  mkdirSync(root);
  chownSync(root, 65_534, 65_534);
  const folder = openImageFolder(root, "criu", "f");
  assert.match(folder.ok ? "" : folder.failure, /belongs to user 65534, who could put anything in there; give a folder of your own/);
});

test("a folder that can't be made is told", () => {
  writeFileSync(join(base, "file"), "");
  const folder = openImageFolder(join(base, "file", "images"), "criu", "f");
  assert.match(folder.ok ? "" : folder.failure, /its images can't be kept in \S+file\/images: /);
});
