/** Content stores on a disk that rots, fills up, is read-only, and has other users. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { sha256 } from "../src/base/sha256.ts";
import { openContentStore } from "../src/store/content/open-content-store.ts";
import type { RecheckPace } from "../src/store/content/rechecker.ts";
import {
  bytesOf,
  codeOf,
  contentOptions,
  eventually,
  has,
  type LogLine,
  must,
  openStore,
  put,
  read,
  someBytes,
} from "./support/content.ts";

const root = mkdtempSync(join(tmpdir(), "pilotlight-content-local-"));
after(() => rmSync(root, { recursive: true, force: true }));

const HOUR_MS = 3_600_000;
const QUICK: RecheckPace = { bytesPerSecond: 2 ** 30, everyMs: HOUR_MS, startAfterMs: 0, idleMs: 5 };

function fileOf(dir: string, hash: string): string {
  return join(dir, "files", hash.slice(0, 2), hash);
}

function rot(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
}

test("what rots, shrinks or vanishes is found, kept aside, forgotten and told; the rest is verified once", async () => {
  const dir = join(root, "rot");
  const lines: LogLine[] = [];
  let nowMs = 1_000_000;
  const store = await openStore({ dir, lines, pace: QUICK, nowMs: () => nowMs });
  const hashes: string[] = [];
  for (let count = 0; count < 6; count++) hashes.push(await put(store, someBytes(50_000)));
  const [rotten = "", short = "", gone = ""] = hashes;
  rot(fileOf(dir, rotten));
  writeFileSync(fileOf(dir, short), readFileSync(fileOf(dir, short)).subarray(1));
  rmSync(fileOf(dir, gone));
  nowMs += HOUR_MS + 1;
  await eventually("all six are looked at", () => store.totals.rehashedCount >= 6);
  await eventually("three are forgotten", () => store.totals.quarantinedCount === 3);
  assert.deepEqual([store.totals.fileCount, store.totals.sizeBytes], [3, 150_000]);
  for (const hash of [rotten, short, gone]) assert.equal(await bytesOf(store, hash), null);
  const aside = readdirSync(join(dir, "quarantine")).map((name) => name.slice(0, 64));
  assert.deepEqual(aside.sort(), [rotten, short].sort());
  const told = lines.filter(({ level }) => level === "error").map(({ fields }) => fields["sha256"]);
  assert.deepEqual(told.sort(), [rotten, short, gone].sort());
  assert.equal(store.totals.rehashedCount, 6, "what is right is not due again");
  // Refetched: right again, and what was kept aside stays where it is.
  const again = someBytes(10);
  await put(store, again);
  await store.close();
  const restarted = await openStore({ dir, pace: QUICK, nowMs: () => nowMs });
  assert.equal(restarted.totals.fileCount, 4);
  await restarted.close();
  assert.equal(restarted.totals.rehashedCount, 0, "what was verified before the restart is not due");
  assert.equal(readdirSync(join(dir, "quarantine")).length, 2);
});

test("a file that rotted can be fetched and kept again, and its next rot is found, too", async () => {
  const dir = join(root, "rot-again");
  const store = await openStore({ dir });
  const bytes = someBytes(1_000);
  for (let count = 1; count <= 3; count++) {
    const hash = await put(store, bytes);
    assert.deepEqual(await bytesOf(store, hash), bytes);
    rot(fileOf(dir, hash));
    store.suspect(hash);
    await eventually("it is found", () => store.totals.quarantinedCount === count);
  }
  await store.close();
});

test("the quarantine stays small, and its newest is there", async () => {
  const dir = join(root, "quarantine");
  let nowMs = 1_000_000;
  const store = await openStore({ dir, maxBytes: 100_000, nowMs: () => nowMs });
  const newest: string[] = [];
  for (let count = 1; count <= 8; count++) {
    const hash = await put(store, someBytes(4_000));
    newest.push(hash);
    rot(fileOf(dir, hash));
    store.suspect(hash);
    await eventually("it is found", () => store.totals.quarantinedCount === count);
    // Rows have a time in milliseconds.
    nowMs++;
  }
  await store.close();
  assert.deepEqual(
    readdirSync(join(dir, "quarantine"))
      .map((name) => name.slice(0, 64))
      .sort(),
    newest.slice(-2).sort(),
  );
});

test("a link or a folder in the place of a file is never followed nor served", async () => {
  const dir = join(root, "link");
  const store = await openStore({ dir });
  const bytes = someBytes(100);
  const [linked, foldered] = [await put(store, bytes), await put(store, someBytes(100))];
  const outside = join(root, "outside");
  writeFileSync(outside, bytes);
  rmSync(fileOf(dir, linked));
  symlinkSync(outside, fileOf(dir, linked));
  rmSync(fileOf(dir, foldered));
  mkdirSync(fileOf(dir, foldered));
  assert.equal(await bytesOf(store, linked), null);
  assert.equal(await bytesOf(store, foldered), null);
  assert.equal(store.totals.fileCount, 0);
  await store.close();
  assert.deepEqual(readFileSync(outside), bytes);
});

test("others' files stay as they are, even where ours would lie", async () => {
  const dir = join(root, "foreign");
  const bytes = someBytes(1_000);
  const hash = sha256(bytes);
  mkdirSync(join(dir, "files", hash.slice(0, 2)), { recursive: true });
  writeFileSync(fileOf(dir, hash), "somebody else's");
  writeFileSync(join(dir, "files", "c".repeat(64)), "x");
  const store = await openStore({ dir, maxBytes: 5_000 });
  assert.deepEqual([store.totals.fileCount, await has(store, hash)], [0, false]);
  await put(store, bytes);
  assert.deepEqual(await bytesOf(store, hash), bytes);
  assert.equal(readFileSync(fileOf(dir, hash), "utf8"), "somebody else's");
  for (let count = 0; count < 5; count++) await put(store, someBytes(1_000));
  assert.equal(await has(store, hash), false);
  await store.close();
  assert.equal(readFileSync(fileOf(dir, hash), "utf8"), "somebody else's");
  assert.equal(readFileSync(join(dir, "files", "c".repeat(64)), "utf8"), "x");
});

test("a partial file of another size than its transfer says is not kept", async () => {
  const dir = join(root, "size");
  const store = await openStore({ dir });
  const partial = await must(store.begin());
  await writeFile(partial.path, "four");
  const committed = await store.commit(partial, { sha256: sha256("fours"), sizeBytes: 5 });
  assert.match(committed.ok ? "kept" : committed.failure.message, /has 4 bytes where 5 were written/);
  const never = await must(store.begin());
  assert.equal(await codeOf(store.commit(never, { sha256: sha256("x"), sizeBytes: 1 })), "STORAGE_FAILED");
  await store.close();
  assert.deepEqual(readdirSync(join(dir, "partial")), []);
});

test("a file is read to its end by a reader that is closed meanwhile, or refused: never another file's bytes", async () => {
  const store = await openStore({ dir: join(root, "close") });
  const bytes = someBytes(600_000);
  const hash = await put(store, bytes);
  const reader = (await must(store.open(hash)))!;
  const reading = read(reader);
  const closing = reader.close();
  await assert.rejects(reading, /it was closed/);
  await closing;
  await reader.close();
  await store.close();
});

test("a file in the folder's place, or in that of one of its own, is named with what to do", async () => {
  const file = join(root, "occupied");
  writeFileSync(file, "");
  const inPlace = await openContentStore(contentOptions({ dir: file }));
  assert.deepEqual(inPlace.ok ? "opened" : { ...inPlace.failure }, {
    code: "CACHE_DIR_UNUSABLE",
    message: `Cannot write to the cache folder ${file}: a file stands where a folder is needed`,
    hint: "Make it writable, or give another folder with --cache-dir DIR or PILOTLIGHT_CACHE_DIR",
  });
  const dir = join(root, "occupied-inside");
  mkdirSync(dir);
  writeFileSync(join(dir, "files"), "");
  const inside = await openContentStore(contentOptions({ dir }));
  assert.equal(inside.ok ? "opened" : inside.failure.code, "CACHE_DIR_UNUSABLE");
  rmSync(join(dir, "files"));
  writeFileSync(join(dir, "content.sqlite"), "this is no database".repeat(500));
  const damaged = await openContentStore(contentOptions({ dir }));
  assert.match(damaged.ok ? "opened" : `${damaged.failure.message} ${damaged.failure.hint}`, /content\.sqlite.*no database.*moved away/);
  rmSync(join(dir, "content.sqlite"));
  const store = await openStore({ dir });
  await store.close();
});

test("a folder that may not be written is named", { skip: process.getuid?.() === 0 ? "root may write everywhere" : false }, async () => {
  const dir = join(root, "not-ours");
  mkdirSync(dir, { mode: 0o500 });
  const opened = await openContentStore(contentOptions({ dir }));
  assert.match(opened.ok ? "opened" : opened.failure.message, /no permission to write there/);
  chmodSync(dir, 0o700);
});

test("a full or read-only disk is told, what is kept is served, and it is used again when it can be", async (t) => {
  const dir = join(root, "disk");
  mkdirSync(dir);
  if (process.platform !== "linux" || spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", dir]).status !== 0) {
    return t.skip("needs the right to mount a small tmpfs");
  }
  try {
    const store = await openStore({ dir });
    const kept = someBytes(200_000);
    const hash = await put(store, kept);
    const partial = await must(store.begin());
    const filling = someBytes(100_000);
    await writeFile(partial.path, filling);
    spawnSync("dd", ["if=/dev/zero", `of=${join(dir, "fill")}`, "bs=4k"]);
    const refused: string[] = [await codeOf(store.commit(partial, { sha256: sha256(filling), sizeBytes: filling.length }))];
    // What a database has of room already, it uses.
    for (let count = 0; count < 2_000 && !refused.includes("STORAGE_FULL"); count++) refused.push(await codeOf(store.begin()));
    assert.ok(refused.includes("STORAGE_FULL"), [...new Set(refused)].join());
    assert.deepEqual(await bytesOf(store, hash), kept);
    rmSync(join(dir, "fill"));
    const later = someBytes(1_000);
    assert.deepEqual(await bytesOf(store, await put(store, later)), later);

    await store.close();
    spawnSync("mount", ["-o", "remount,ro", dir]);
    const closed = await openContentStore(contentOptions({ dir }));
    assert.match(closed.ok ? "opened" : closed.failure.message, /its file system is read-only/);
    spawnSync("mount", ["-o", "remount,rw", dir]);
    const again = await openStore({ dir });
    assert.deepEqual(await bytesOf(again, hash), kept);
    await again.close();
    assert.deepEqual(readdirSync(join(dir, "partial")), []);
  } finally {
    spawnSync("umount", ["-l", dir]);
  }
});

test("what is kept in a bucket is not looked for in the folder, nor the other way round", async () => {
  const dir = join(root, "two-places");
  const local = await openStore({ dir });
  const hash = await put(local, someBytes(10));
  await local.close();
  const storage = {
    kind: "s3",
    endpoint: "http://127.0.0.1:9",
    region: "us-east-1",
    bucket: "wheels",
    prefix: "",
    accessKeyId: "a",
    secretAccessKey: "s",
    sessionToken: null,
    forcePathStyle: true,
    partBytes: 10,
    connectionsMax: 2,
  } as const;
  const bucket = await openStore({ dir, storage });
  assert.equal(bucket.totals.fileCount, 0);
  await bucket.close();
  const back = await openStore({ dir });
  assert.equal(await has(back, hash), true);
  await back.close();
  assert.ok(existsSync(fileOf(dir, hash)));
  await assert.rejects(openContentStore(contentOptions({ dir, storage: { ...storage, prefix: "a/../b" } })), /is no prefix of keys/);
});
