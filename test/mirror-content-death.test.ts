/** What becomes of a content store whose process is killed, again and again, in the midst of everything. */
import assert from "node:assert/strict";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { sha256 } from "../src/base/sha256.ts";
import { openContentStore } from "../src/store/content/open-content-store.ts";
import { bytesOf, contentOptions, has, type LogLine, openStore, put, someBytes } from "./support/content.ts";
import type { ChildPlan } from "./support/content-child.ts";
import { drawer, liveAndDie, startChild } from "./support/content-life.ts";

const KILLS = 26;
const LIFE_MAX_MS = 160;
/** CONTENT_SEED=N tries others. */
const SEED = Number(process.env["CONTENT_SEED"] ?? 20_261_121);

const root = mkdtempSync(join(tmpdir(), "pilotlight-content-death-"));
after(() => rmSync(root, { recursive: true, force: true }));

function planFor(dir: string, maxBytes: number, seed: number): ChildPlan {
  return { dir, storage: { kind: "local" }, maxBytes, fileMaxBytes: 60_000, seed };
}

/** Every file below the folder, except the databases. */
function filesIn(dir: string): string[] {
  return globSync("**", { cwd: dir })
    .filter((name) => statSync(join(dir, name)).isFile() && !/^(?:content|owner)\.sqlite/.test(name))
    .sort();
}

/** What others have put into the folder, under names that could be ours. */
function plantForeign(dir: string): Map<string, string> {
  const foreignHash = sha256("foreign");
  const files = new Map([
    ["notes.txt", "notes"],
    [`files/${foreignHash.slice(0, 2)}/${foreignHash}`, "foreign"],
    [`files/${"0".repeat(2)}/${"0".repeat(64)}`, "not what its name says"],
    [`partial/${"a".repeat(32)}`, "somebody's download"],
    [`quarantine/${"b".repeat(64)}.12345678`, "somebody's sample"],
  ]);
  for (const [name, text] of files) {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return files;
}

async function killAgainAndAgain(name: string, maxBytes: number, seed: number): Promise<void> {
  const dir = join(root, name);
  mkdirSync(dir);
  const foreign = plantForeign(dir);
  const draw = drawer(seed);
  const acknowledged = new Set<string>();
  for (let kill = 0; kill < KILLS; kill++) {
    const what = `seed ${seed}, ${name}, kill ${kill}`;
    const line = kill % 4 === 3 ? "open" : "committed";
    const lifeMs = kill % 8 === 7 ? 0 : draw(LIFE_MAX_MS);
    const committed = await liveAndDie(planFor(dir, maxBytes, draw(2 ** 31)), line, lifeMs);
    for (const hash of committed) acknowledged.add(hash);
    const lines: LogLine[] = [];
    const store = await openStore({ dir, maxBytes, lines });
    await store.close();
    assert.deepEqual(
      lines.filter(({ level }) => level === "warn" || level === "error"),
      [],
      what,
    );
    const { totals } = store;
    const ours = filesIn(dir).filter((file) => !foreign.has(file));
    for (const file of ours) {
      assert.match(file, /^files\/([0-9a-f]{2})\/\1[0-9a-f]{62}$/, `${what}: a leftover`);
      assert.equal(sha256(readFileSync(join(dir, file))), basename(file), `${what}: a damaged file`);
    }
    const sizeBytes = ours.reduce((sum, file) => sum + statSync(join(dir, file)).size, 0);
    assert.deepEqual([totals.fileCount, totals.sizeBytes], [ours.length, sizeBytes], `${what}: the totals`);
    assert.ok(totals.sizeBytes <= maxBytes, what);
    if (maxBytes > 2 ** 32) {
      const kept = new Set(ours.map((file) => basename(file)));
      for (const hash of acknowledged) assert.ok(kept.has(hash), `${what}: ${hash} was acknowledged and is lost`);
    }
    for (const [file, text] of foreign) assert.equal(readFileSync(join(dir, file), "utf8"), text, `${what}: ${file}`);
  }
  assert.ok(acknowledged.size > KILLS, `${acknowledged.size} commits were too few to say anything`);
}

test(`a store that is killed ${2 * KILLS} times has every byte right, no leftovers, and others' files untouched (seed ${SEED})`, async () => {
  await Promise.all([killAgainAndAgain("unlimited", 2 ** 40, SEED), killAgainAndAgain("evicting", 300_000, SEED + 1)]);
});

test("a second mirror on a folder is refused with what to do, and the folder is free as soon as the first is dead", async () => {
  const dir = join(root, "shared");
  mkdirSync(dir);
  const child = startChild(planFor(dir, 2 ** 40, SEED));
  await new Promise((resolve) => child.stdout!.once("data", resolve));
  const second = await openContentStore(contentOptions({ dir }));
  assert.deepEqual(second.ok ? "opened" : { ...second.failure }, {
    code: "CACHE_IN_USE",
    message: `Cannot use the cache folder ${dir}: another mirror is using it`,
    hint: "Stop that one, or give this one a folder of its own with --cache-dir DIR or PILOTLIGHT_CACHE_DIR",
  });
  const dead = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await dead;
  const store = await openStore({ dir });
  const inOneProcess = await openContentStore(contentOptions({ dir }));
  assert.equal(inOneProcess.ok ? "opened" : inOneProcess.failure.code, "CACHE_IN_USE");
  await store.close();
  const free = await openStore({ dir });
  await free.close();
});

test("what was renamed and not yet committed is adopted only when its hash is right", async () => {
  const dir = join(root, "half-way");
  const first = await openStore({ dir });
  const whole = someBytes(10_000);
  const hashes = [await put(first, whole), await put(first, someBytes(10_000))];
  await first.close();
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(join(dir, "content.sqlite"));
  database.exec(`INSERT INTO loose SELECT place, 'arriving', sha256, size, '', 0 FROM content; DELETE FROM content;`);
  database.close();
  const broken = join(dir, "files", hashes[1]!.slice(0, 2), hashes[1]!);
  writeFileSync(broken, someBytes(10_000));
  const second = await openStore({ dir });
  await second.close();
  const third = await openStore({ dir });
  assert.deepEqual([third.totals.fileCount, third.totals.sizeBytes], [1, 10_000]);
  assert.deepEqual(await bytesOf(third, hashes[0]!), whole);
  assert.equal(await has(third, hashes[1]!), false);
  await third.close();
  assert.deepEqual(filesIn(dir), [`files/${hashes[0]!.slice(0, 2)}/${hashes[0]}`]);
});
