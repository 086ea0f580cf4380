import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { outputFailure, writeOutputFile } from "./output-file.ts";

const folder = await mkdtemp(join(tmpdir(), "pilotlight-report-"));
after(() => rm(folder, { recursive: true }));

test("a file is written whole, over an older one too", async () => {
  const file = join(folder, "whole.txt");
  assert.ok((await writeOutputFile(file, ["one\n", "two\n"])).ok);
  assert.ok((await writeOutputFile(file, ["three\n"])).ok);
  assert.equal(await readFile(file, "utf8"), "three\n");
});

test("a writer that fails half-way leaves the older file as it was and no other", async () => {
  const inside = await mkdtemp(join(folder, "half-"));
  const file = join(inside, "half.txt");
  await writeFile(file, "older");
  function* pieces() {
    yield "half";
    throw Object.assign(new Error("no space"), { code: "ENOSPC" });
  }
  const written = await writeOutputFile(file, pieces());
  assert.ok(!written.ok);
  assert.match(written.failure.message, /half\.txt: the disk is full \(ENOSPC\)/);
  assert.match(written.failure.hint!, /Free some room/);
  assert.equal(await readFile(file, "utf8"), "older");
  assert.deepEqual(await readdir(inside), ["half.txt"]);
});

test("a link stays a link, and its target is replaced", async () => {
  const [target, link] = [join(folder, "target.txt"), join(folder, "link.txt")];
  await writeFile(target, "older");
  await symlink(target, link);
  assert.ok((await writeOutputFile(link, ["newer"])).ok);
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.equal(await readFile(target, "utf8"), "newer");
});

test("a device that is full is reported and stays a device", { skip: !existsSync("/dev/full") }, async () => {
  const written = await writeOutputFile("/dev/full", ["x".repeat(1_000)]);
  assert.ok(!written.ok);
  assert.equal(written.failure.code, "REPORT_WRITE_FAILED");
  assert.match(written.failure.message, /\/dev\/full: the disk is full/);
  assert.ok((await lstat("/dev/full")).isCharacterDevice());
});

test("what would fail is told before, and nothing is left of the question", async () => {
  const place = join(folder, "asked");
  assert.equal(await outputFailure(place), null);
  assert.deepEqual(await readdir(folder).then((names) => names.filter((name) => name.includes("asked"))), []);
  assert.equal(await outputFailure("/dev/null"), null);
  assert.match((await outputFailure(folder))!.message, /it is a folder/);
  assert.match((await outputFailure(join(folder, "absent", "x")))!.message, /its folder does not exist/);
});

test("a folder that is missing, and a folder where a file should be, are named with what to do", async () => {
  const missing = await writeOutputFile(join(folder, "absent", "x.csv"), ["x"]);
  assert.ok(!missing.ok);
  assert.match(missing.failure.message, /absent\/x\.csv: its folder does not exist/);
  assert.match(missing.failure.hint!, /Make the folder first/);
  const taken = await writeOutputFile(folder, ["x"]);
  assert.ok(!taken.ok);
  assert.match(taken.failure.message, /it is a folder/);
});
