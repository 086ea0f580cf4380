import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { BOUNDS, folderName, RecordingsFolder } from "./recordings-folder.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pilotlight-recordings-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unwarned = (_functionId: string, message: string): never => assert.fail(message);

/** Named in their order. */
async function keepAll(kept: RecordingsFolder, count: number, content: string): Promise<void> {
  for (let index = 0; index < count; index++) {
    kept.keep(`f${index % 2}`, `${index}.json`, content.length, () => content);
    await kept.settled();
  }
}

const left = (): string[] => ["f0", "f1"].flatMap((name) => readdirSync(join(folder, name))).sort();

test("the oldest recordings go when there are too many, whichever function they are of", async () => {
  const kept = new RecordingsFolder(folder, unwarned, { ...BOUNDS, fileMaxCount: 3, sweepEveryFiles: 1 });
  await keepAll(kept, 8, "{}");
  assert.deepEqual(left(), ["5.json", "6.json", "7.json"]);
});

test("the oldest recordings go when they are too large together", async () => {
  const kept = new RecordingsFolder(folder, unwarned, { ...BOUNDS, maxBytes: 250, sweepEveryBytes: 1 });
  await keepAll(kept, 6, "x".repeat(100));
  assert.deepEqual(left(), ["4.json", "5.json"]);
});

test("a module is kept once, and those in use outlive older ones", async () => {
  const bounds = { ...BOUNDS, moduleMaxCount: 2, sweepEveryFiles: 1 };
  const before = new RecordingsFolder(folder, unwarned, bounds);
  for (const text of ["one", "two", "three"]) before.keepModule("f0", Buffer.from(text));
  await before.settled();
  const kept = new RecordingsFolder(folder, unwarned, bounds);
  const used = ["four", "four", "five"].map((text) => `${kept.keepModule("f0", Buffer.from(text))}.wasm`);
  await keepAll(kept, 2, "{}");
  assert.deepEqual(readdirSync(join(folder, ".modules")).sort(), [...new Set(used)].sort());
});

test("what can't be written is one warning until something can be again", async () => {
  const warnings: string[] = [];
  const blocked = join(folder, "blocked");
  writeFileSync(blocked, "");
  const kept = new RecordingsFolder(blocked, (functionId, message) => warnings.push(`${functionId}: ${message}`));
  await keepAll(kept, 3, "{}");
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /^f0: Cannot keep a recording in .*blocked: .*unrecorded; free some space/);
  rmSync(blocked);
  await keepAll(kept, 1, "{}");
  rmSync(blocked, { recursive: true });
  writeFileSync(blocked, "");
  await keepAll(kept, 1, "{}");
  assert.equal(warnings.length, 2);
});

test("recordings that the disk can't follow are dropped, not collected", async () => {
  const warnings: string[] = [];
  const kept = new RecordingsFolder(folder, (_functionId, message) => warnings.push(message));
  for (let index = 0; index < 1_000; index++) kept.keep("f0", `${index}.json`, 1, () => "{}");
  await kept.settled();
  assert.equal(warnings.length, 1);
  assert.ok(readdirSync(join(folder, "f0")).length < 1_000);
});

test("ids with slashes, brackets and dots have folders of their own, inside", () => {
  const names = ["api/users/[id]", "api%2Fusers", "..", ".modules", "a"].map(folderName);
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[^./][^/]*$/);
});
