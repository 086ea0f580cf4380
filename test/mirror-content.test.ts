/** What every content store promises, on files of a folder and on objects of a real S3 server. */
import assert from "node:assert/strict";
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256 } from "../src/base/sha256.ts";
import type { StorageConfig } from "../src/config/mirror-config.ts";
import type { ContentStore } from "../src/store/content/content-store.ts";
import { S3_TUNING, S3Client } from "../src/store/content/s3/s3-client.ts";
import { bytesOf, codeOf, eventually, has, must, openStore, put, read, someBytes } from "./support/content.ts";
import { drawer, liveAndDie } from "./support/content-life.ts";
import { buildVersitygw, type S3Server, startVersitygw } from "./support/versitygw.ts";

interface Backend {
  readonly storage: StorageConfig;
  /** The file that holds a content's bytes. */
  fileOf(dir: string, hash: string): string;
}

/** CONTENT_SEED=N tries others. */
const SEED = Number(process.env["CONTENT_SEED"] ?? 20_261_121);

const root = mkdtempSync(join(tmpdir(), "pilotlight-content-"));
after(() => rmSync(root, { recursive: true, force: true }));
let folderCount = 0;

function newFolder(): string {
  return join(root, String(++folderCount));
}

const inFolder = (base: string, hash: string): string => join(base, "files", hash.slice(0, 2), hash);

describe("a content store in a folder", () => {
  promises(() => ({ storage: { kind: "local" }, fileOf: inFolder }));
});

const versitygw = buildVersitygw();
describe("a content store in a bucket", { skip: "missing" in versitygw ? versitygw.missing : false }, () => {
  let server: S3Server;
  before(async () => {
    assert.ok("file" in versitygw);
    server = await startVersitygw(versitygw.file);
  });
  after(() => server?.stop());
  promises(() => ({ storage: server.storage, fileOf: (_dir, hash) => inFolder(server.bucketDir, hash) }));

  test("what another mirror put is found, read, and not put again", async () => {
    const one = await openStore({ dir: newFolder(), storage: server.storage });
    const other = await openStore({ dir: newFolder(), storage: server.storage });
    const bytes = someBytes(1000);
    const hash = await put(one, bytes);
    assert.deepEqual(await bytesOf(other, hash), bytes);
    await put(other, bytes);
    assert.deepEqual([one.totals.fileCount, other.totals.fileCount], [1, 0], "it is the first one's to evict");
    await Promise.all([one.close(), other.close()]);
  });

  test("what another mirror evicted is not there, and no rot", async () => {
    const one = await openStore({ dir: newFolder(), storage: server.storage });
    const other = await openStore({ dir: newFolder(), storage: server.storage });
    const hash = await put(one, someBytes(1000));
    assert.equal(await has(other, hash), true);
    await must(one.remove(hash));
    const reader = await must(other.open(hash));
    // Seen a moment ago: the reader finds out, and tells.
    await assert.rejects(read(reader!), /NoSuchKey/);
    await reader!.close();
    assert.equal(await bytesOf(other, hash), null);
    assert.equal(other.totals.quarantinedCount, 0);
    await Promise.all([one.close(), other.close()]);
  });

  test("a file above the size of a part goes in parts, whole ones are not left behind", async () => {
    const store = await openStore({ dir: newFolder(), storage: server.storage });
    const bytes = someBytes(12 * 1024 * 1024 + 17);
    const hash = await put(store, bytes);
    const reader = (await must(store.open(hash)))!;
    assert.deepEqual(
      await read(reader, 5 * 1024 * 1024 - 3, 5 * 1024 * 1024 + 4),
      bytes.subarray(5 * 1024 * 1024 - 3, 5 * 1024 * 1024 + 4),
    );
    assert.ok((await read(reader)).equals(bytes));
    await reader.close();
    assert.deepEqual(readFileSync(inFolder(server.bucketDir, hash)), bytes);
    await store.close();
  });

  test("wrong keys, a bucket that isn't there and a service that is down are told with what to do, and without the keys", async () => {
    const bad = [
      [{ secretAccessKey: "wrong-secret" }, /403 SignatureDoesNotMatch.*Check the access key and its secret/],
      [{ accessKeyId: "wrong-access" }, /(?:InvalidAccessKeyId|XAdminUserNotFound).*Check the access key and its secret/],
      [{ bucket: "nowhere" }, /404 NoSuchBucket.*Create the bucket/],
    ] as const;
    for (const [change, says] of bad) {
      const storage = { ...server.storage, ...change };
      const store = await openStore({ dir: newFolder(), storage });
      const partial = await must(store.begin());
      await writeFile(partial.path, "bytes");
      const committed = await store.commit(partial, { sha256: "ab".repeat(32), sizeBytes: 5 });
      const message = committed.ok ? "stored" : committed.failure.message;
      assert.match(message, says);
      assert.ok(!message.includes(storage.secretAccessKey) && !message.includes(storage.accessKeyId), message);
      assert.equal(existsSync(partial.path), false);
      await store.close();
    }
  });

  test(`a mirror that is killed in the midst of uploads leaves whole objects, and no upload past its next start (seed ${SEED})`, async () => {
    const dir = newFolder();
    const storage = { ...server.storage, prefix: "killed" };
    const bucketDir = join(server.bucketDir, "../../killed");
    const client = new S3Client(storage, S3_TUNING);
    const draw = drawer(SEED);
    const openUploads = async (): Promise<string> =>
      (await must(client.sendForText({ method: "GET", place: null, query: { uploads: "" }, accepts: [200] }))).text;
    for (let kill = 0; kill < 8; kill++) {
      const plan = { dir, storage, maxBytes: 60_000_000, fileMaxBytes: 8_000_000, seed: draw(2 ** 31) };
      await liveAndDie(plan, kill % 2 === 0 ? "open" : "committed", draw(500));
      // What the service had in hand when its client died it still does: no start can clear up before it.
      await untilSettled(openUploads);
      const store = await openStore({ dir, storage, maxBytes: 60_000_000 });
      await store.close();
      const objects = globSync("files/*/*", { cwd: bucketDir });
      for (const object of objects) assert.equal(sha256(readFileSync(join(bucketDir, object))), basename(object), `kill ${kill}`);
      assert.ok(store.totals.fileCount <= objects.length, `kill ${kill}: ${store.totals.fileCount} of ${objects.length}`);
      assert.deepEqual(readdirSync(join(dir, "partial")), []);
      assert.doesNotMatch(await openUploads(), /<Upload>/, `kill ${kill}`);
    }
    await client.close();
  });

  test("a body that is not what its hash says is refused by the service", async () => {
    const store = await openStore({ dir: newFolder(), storage: server.storage });
    const partial = await must(store.begin());
    await writeFile(partial.path, "bytes");
    assert.equal(await codeOf(store.commit(partial, { sha256: "ab".repeat(32), sizeBytes: 5 })), "STORAGE_FAILED");
    assert.equal(await has(store, "ab".repeat(32)), false);
    await store.close();
  });
});

/** The same for as long as a service on a busy machine may still be at what its dead client gave it. */
async function untilSettled(look: () => Promise<string>): Promise<void> {
  let before = await look();
  for (let sameCount = 0; sameCount < 4; ) {
    await sleep(250);
    const now = await look();
    sameCount = now === before ? sameCount + 1 : 0;
    before = now;
  }
}

function promises(backend: () => Backend): void {
  const open = (dir: string, maxBytes?: number): Promise<ContentStore> =>
    openStore({ dir, storage: backend().storage, ...(maxBytes === undefined ? {} : { maxBytes }) });

  test("what is committed is found, opened, and read whole and by ranges; its partial is gone", async () => {
    const dir = newFolder();
    const store = await open(dir);
    const bytes = someBytes(700_000);
    const partial = await must(store.begin());
    assert.ok(partial.path.startsWith(dir));
    await writeFile(partial.path, bytes);
    const hash = await put(store, bytes);
    await partial.discard();
    assert.deepEqual(readdirSync(join(dir, "partial")), []);
    assert.equal(await has(store, hash), true);
    const reader = (await must(store.open(hash)))!;
    assert.equal(reader.sizeBytes, bytes.length);
    assert.ok((await read(reader)).equals(bytes));
    for (const [start, end] of [
      [0, 1],
      [0, 0],
      [262_143, 262_145],
      [699_999, 700_000],
      [700_000, 700_000],
    ] as const) {
      assert.deepEqual(await read(reader, start, end), bytes.subarray(start, end), `${start}-${end}`);
    }
    await reader.close();
    await store.close();
  });

  test("nothing is content, too", async () => {
    const store = await open(newFolder());
    const hash = await put(store, Buffer.alloc(0));
    assert.deepEqual(await bytesOf(store, hash), Buffer.alloc(0));
    await store.close();
  });

  test("the same content committed by many at once is one", async () => {
    const dir = newFolder();
    const store = await open(dir);
    const bytes = someBytes(5_000);
    const hashes = await Promise.all(Array.from({ length: 10 }, () => put(store, bytes)));
    assert.equal(new Set(hashes).size, 1);
    assert.deepEqual([store.totals.fileCount, store.totals.sizeBytes], [1, 5_000]);
    assert.deepEqual(readdirSync(join(dir, "partial")), []);
    await store.close();
  });

  test("a name that is no hash is not found, and reaches no file", async () => {
    const store = await open(newFolder());
    for (const name of ["", "../content.sqlite", "AB".repeat(32), `${"ab".repeat(32)}\n`, "ab".repeat(31), `../../${"ab".repeat(29)}`]) {
      assert.equal(await has(store, name), false, name);
      assert.equal(await must(store.open(name)), null, name);
      await must(store.remove(name));
      store.suspect(name);
    }
    await store.close();
  });

  test("what is kept, and its totals, outlive a restart", async () => {
    const dir = newFolder();
    const first = await open(dir);
    const bytes = [someBytes(100), someBytes(2_000)];
    const hashes = await Promise.all(bytes.map((one) => put(first, one)));
    const { totals } = first;
    await first.close();
    const second = await open(dir);
    assert.deepEqual(second.totals, totals);
    assert.deepEqual(await Promise.all(hashes.map((hash) => bytesOf(second, hash))), bytes);
    await second.close();
  });

  test("the least recently used goes first: a file that is asked for stays, however old", async () => {
    const dir = newFolder();
    const store = await open(dir, 10_000);
    const hot = await put(store, someBytes(1_000));
    const cold: string[] = [];
    for (let count = 0; count < 30; count++) {
      cold.push(await put(store, someBytes(1_000)));
      assert.notEqual(await bytesOf(store, hot), null, `after ${count} others`);
      assert.ok(store.totals.sizeBytes <= 10_000);
    }
    assert.equal(store.totals.fileCount, 10);
    assert.deepEqual([store.totals.evictedCount, store.totals.evictedBytes], [21, 21_000]);
    for (const hash of cold.slice(0, -9)) assert.equal(await has(store, hash), false);
    for (const hash of cold.slice(-9)) assert.equal(await has(store, hash), true);
    await store.close();
    for (const hash of cold.slice(0, -9)) assert.equal(existsSync(backend().fileOf(dir, hash)), false);
  });

  test("what is answered from memory counts as used", async () => {
    const store = await open(newFolder(), 3_000);
    const [hot, cold] = [await put(store, someBytes(1_000)), await put(store, someBytes(1_000))];
    store.touch(hot);
    await put(store, someBytes(1_000));
    await put(store, someBytes(1_000));
    assert.deepEqual([await has(store, hot), await has(store, cold)], [true, false]);
    await store.close();
  });

  test("what is given in was used when it was given in, however long it takes until it is kept", async () => {
    const store = await open(newFolder(), 2_500);
    const kept = await put(store, someBytes(1_000));
    const bytes = someBytes(1_000);
    const partial = await must(store.begin());
    await writeFile(partial.path, bytes);
    const given = store.commit(partial, { sha256: sha256(bytes), sizeBytes: bytes.length });
    store.touch(kept);
    await must(given);
    await put(store, someBytes(1_000));
    assert.deepEqual([await has(store, kept), await has(store, sha256(bytes))], [true, false]);
    await store.close();
  });

  test("uses count across a restart", async () => {
    const dir = newFolder();
    const first = await open(dir, 3_000);
    const [a, b, c] = [await put(first, someBytes(1_000)), await put(first, someBytes(1_000)), await put(first, someBytes(1_000))];
    await bytesOf(first, a);
    await first.close();
    const second = await open(dir, 3_000);
    await bytesOf(second, b);
    await put(second, someBytes(1_000));
    assert.deepEqual(await Promise.all([a, b, c].map((hash) => has(second, hash))), [true, true, false]);
    await second.close();
  });

  test("a limit that was lowered is kept from the next start on", async () => {
    const dir = newFolder();
    const first = await open(dir, 10_000);
    for (let count = 0; count < 10; count++) await put(first, someBytes(1_000));
    await first.close();
    const second = await open(dir, 2_500);
    await eventually("two files are left", () => second.totals.fileCount === 2);
    await second.close();
  });

  test("what is larger than the limit is not kept, and nothing leaves for it", async () => {
    for (const maxBytes of [0, 5_000]) {
      const dir = newFolder();
      const store = await open(dir, maxBytes);
      const small = maxBytes === 0 ? null : await put(store, someBytes(100));
      const large = await put(store, someBytes(5_001));
      assert.equal(await must(store.open(large)), null);
      if (small !== null) assert.equal(await has(store, small), true);
      assert.deepEqual(readdirSync(join(dir, "partial")), []);
      await store.close();
    }
  });

  test("a reader that is open goes on when its content is evicted or removed", async () => {
    const dir = newFolder();
    const store = await open(dir, 1_000_000);
    const contents = [someBytes(900_000), someBytes(50_000)];
    const hashes = [await put(store, contents[0]!), await put(store, contents[1]!)];
    const readers = await Promise.all(hashes.map(async (hash) => (await must(store.open(hash)))!));
    const first = readers[0]!.stream(0, 900_000)[Symbol.asyncIterator]();
    const begun = [(await first.next()).value as Uint8Array];
    await put(store, someBytes(990_000));
    assert.equal(store.totals.evictedCount, 2);
    for (const hash of hashes) assert.equal(await has(store, hash), false);
    for (let next = await first.next(); next.done !== true; next = await first.next()) begun.push(next.value);
    assert.ok(Buffer.concat(begun).equals(contents[0]!));
    assert.deepEqual(await read(readers[1]!), contents[1]);
    for (const reader of readers) await reader.close();
    for (const hash of hashes) await eventually("its bytes are gone", () => !existsSync(backend().fileOf(dir, hash)));
    await store.close();
  });

  test("what was removed under a reader can come again before the reader has closed", async () => {
    const dir = newFolder();
    const store = await open(dir);
    const bytes = someBytes(3_000);
    const hash = await put(store, bytes);
    const reader = (await must(store.open(hash)))!;
    await must(store.remove(hash));
    assert.equal(await has(store, hash), false);
    await put(store, bytes);
    await reader.close();
    await store.close();
    const again = await open(dir);
    assert.deepEqual(await bytesOf(again, hash), bytes);
    assert.equal(again.totals.fileCount, 1);
    await again.close();
  });

  test("removed content is gone from the totals and from where it lay; removing it again is no fault", async () => {
    const dir = newFolder();
    const store = await open(dir);
    const hash = await put(store, someBytes(1_000));
    await must(store.remove(hash));
    await must(store.remove(hash));
    assert.deepEqual([store.totals.fileCount, store.totals.sizeBytes], [0, 0]);
    assert.equal(existsSync(backend().fileOf(dir, hash)), false);
    await store.close();
  });

  test("content that is suspected stays when it is right, and is forgotten when it has rotted", async () => {
    const dir = newFolder();
    const store = await open(dir);
    const [right, rotten] = [await put(store, someBytes(500_000)), await put(store, someBytes(500_000))];
    const file = backend().fileOf(dir, rotten);
    const bytes = readFileSync(file);
    bytes[400_000]! ^= 1;
    writeFileSync(file, bytes);
    store.suspect(right);
    store.suspect(rotten);
    store.suspect("ab".repeat(32));
    await eventually("the rotten one is forgotten", () => store.totals.quarantinedCount === 1 && store.totals.rehashedCount === 2);
    assert.equal(await bytesOf(store, rotten), null);
    assert.notEqual(await bytesOf(store, right), null);
    assert.equal(store.totals.fileCount, 1);
    await store.close();
  });

  test("a closed store refuses, whatever was begun before", async () => {
    const dir = newFolder();
    const store = await open(dir);
    const hash = await put(store, someBytes(10));
    const partial = await must(store.begin());
    await writeFile(partial.path, "x");
    const closing = store.close();
    assert.equal(await codeOf(store.begin()), "STOPPING");
    await closing;
    assert.equal(existsSync(partial.path), false);
    assert.equal(await codeOf(store.commit(partial, { sha256: hash, sizeBytes: 1 })), "STOPPING");
    assert.equal(await codeOf(store.open(hash)), "STOPPING");
    assert.equal(await codeOf(store.remove(hash)), "STOPPING");
    store.suspect(hash);
    await partial.discard();
    await store.close();
    assert.deepEqual(globSync("partial/*", { cwd: dir }), []);
  });
}
