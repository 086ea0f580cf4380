/** What becomes of a store whose processes are killed, whose disk fills up, or whose files are damaged. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openStore, type Store } from "../src/store/store.ts";

const CHILD = join(import.meta.dirname, "support/store-child.ts");
/** Acknowledged writes after which a writer is killed. */
const WRITES_BEFORE_DEATH = 300;

const root = mkdtempSync(join(tmpdir(), "pilotlight-store-death-"));
after(() => rmSync(root, { recursive: true, force: true }));

function open(dataDir: string): Store {
  return openStore({ dataDir, onStuck: () => assert.fail("a statement is stuck") });
}

/** Lines it printed; settles when it is dead. */
async function writeUntilKilled(dataDir: string, name: string): Promise<string[]> {
  const child: ChildProcess = spawn(process.execPath, [CHILD, dataDir, name], { stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  let errors = "";
  child.stderr!.on("data", (chunk) => {
    errors += chunk;
  });
  child.stdout!.on("data", (chunk) => {
    printed += chunk;
    if (printed.split("\n").length > WRITES_BEFORE_DEATH) child.kill("SIGKILL");
  });
  const signal = await new Promise((resolve) => child.once("close", (_code, by) => resolve(by)));
  assert.equal(signal, "SIGKILL", errors);
  // What stands behind the last newline was cut off by the kill.
  return printed.split("\n").slice(0, -1);
}

test("two processes are killed with SIGKILL in the midst of writing: nothing that was acknowledged is lost or damaged", async () => {
  const dataDir = join(root, "killed");
  mkdirSync(dataDir);
  const acknowledged = (await Promise.all(["one", "two"].map((name) => writeUntilKilled(dataDir, name)))).flat();
  assert.ok(acknowledged.length >= WRITES_BEFORE_DEATH * 2);
  const store = open(dataDir);
  try {
    const rows = await store.sql.run("f", "s", "query", [{ sql: "SELECT text FROM t" }]);
    assert.ok(rows.ok);
    const inSql = new Set(rows.value[0]!.rows.map(([text]) => text));
    for (const text of acknowledged) {
      const bytes = Buffer.from(text);
      const [value, blob, job] = await Promise.all([
        store.kv.get("k", bytes),
        store.blobs.get("b", bytes),
        store.jobs.enqueue({ queue: "topic/t", payload: bytes, idempotencyKey: text }),
      ]);
      assert.equal(value.ok && Buffer.from(value.value ?? []).toString(), text);
      assert.equal(blob.ok && Buffer.from(blob.value?.bytes ?? []).toString(), text);
      assert.equal(job.ok && job.value.isNew, false, `the job ${text} is lost`);
      assert.ok(inSql.has(text), `the row ${text} is lost`);
    }
    const checks = await store.sql.run("f", "s", "query", [{ sql: "PRAGMA integrity_check" }]);
    assert.deepEqual(checks.ok && checks.value[0]!.rows, [["ok"]]);
  } finally {
    await store.close();
  }
});

test("a full disk is told, leaves what was there, and is used again when there is room", async (t) => {
  const dataDir = join(root, "full");
  mkdirSync(dataDir);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", dataDir]).status !== 0) {
    t.skip("needs the right to mount a small tmpfs");
    return;
  }
  const store = open(dataDir);
  try {
    const value = Buffer.alloc(200 * 1024, 7);
    const kept: Buffer[] = [];
    let refused: string | null = null;
    for (let count = 0; refused === null && count < 100; count++) {
      const key = Buffer.from(`key-${count}`);
      const put = await store.kv.put("k", key, value, null);
      if (put.ok) kept.push(key);
      else {
        refused = put.failure.code;
        assert.match(put.failure.message, /k\.sqlite.*full.*Free some space/);
      }
    }
    assert.equal(refused, "STORAGE_FULL");
    const blob = await store.blobs.put("b", Buffer.from("x"), Buffer.alloc(2 * 1024 * 1024), null);
    assert.equal(blob.ok ? "kept" : blob.failure.code, "STORAGE_FULL");
    const job = await store.jobs.enqueue({ queue: "topic/t", payload: value });
    assert.equal(job.ok ? "kept" : job.failure.code, "STORAGE_FULL");
    for (const key of kept) {
      const found = await store.kv.get("k", key);
      assert.equal(found.ok && found.value?.length, value.length);
    }
    spawnSync("mount", ["-o", "remount,size=32m", dataDir]);
    assert.equal((await store.kv.put("k", Buffer.from("later"), value, null)).ok, true);
    assert.equal((await store.jobs.enqueue({ queue: "topic/t", payload: value })).ok, true);
  } finally {
    await store.close();
    spawnSync("umount", [dataDir]);
  }
});

test("a file that is no database, a folder in its place and a damaged blob are named, and the others go on", async () => {
  const dataDir = join(root, "damaged");
  mkdirSync(join(dataDir, "store", "kv"), { recursive: true });
  mkdirSync(join(dataDir, "store", "sql", "broken.sqlite"), { recursive: true });
  writeFileSync(join(dataDir, "store", "kv", "broken.sqlite"), "this is text, and no database".repeat(1_000));
  const store = open(dataDir);
  try {
    const put = await store.kv.put("broken", Buffer.from("k"), Buffer.from("v"), null);
    assert.match(put.ok ? "" : put.failure.message, /broken\.sqlite: the file is damaged.*put a copy back/);
    const got = await store.kv.get("broken", Buffer.from("k"));
    assert.equal(got.ok ? "read" : got.failure.code, "STORAGE_FAILED");
    const sql = await store.sql.run("f", "broken", "query", [{ sql: "SELECT 1" }]);
    assert.equal(sql.ok ? "read" : sql.failure.code, "STORAGE_FAILED");
    assert.equal((await store.kv.put("whole", Buffer.from("k"), Buffer.from("v"), null)).ok, true);

    assert.ok((await store.blobs.put("b", Buffer.from("k"), Buffer.from("content"), null)).ok);
    const folder = join(dataDir, "store", "blob-files", "b");
    const [file] = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.includes("/"));
    writeFileSync(join(folder, file!), "c0ntent");
    const blob = await store.blobs.get("b", Buffer.from("k"));
    assert.match(blob.ok ? "" : blob.failure.message, /the file is damaged/);
  } finally {
    await store.close();
  }
});

test("a folder that may not be written is named, with what to do", async (t) => {
  if (process.getuid?.() === 0) {
    t.skip("root may write everywhere");
    return;
  }
  const dataDir = join(root, "read-only");
  mkdirSync(dataDir, { mode: 0o500 });
  const store = open(dataDir);
  try {
    const put = await store.kv.put("k", Buffer.from("k"), Buffer.from("v"), null);
    assert.match(put.ok ? "" : put.failure.message, /no permission.*Make the data folder writable/);
  } finally {
    await store.close();
    chmodSync(dataDir, 0o700);
  }
});

test("a disk that has become read-only is told with what to do, and nothing is lost", async (t) => {
  const dataDir = join(root, "remounted");
  mkdirSync(dataDir);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", dataDir]).status !== 0) {
    t.skip("needs the right to mount a tmpfs");
    return;
  }
  const key = Buffer.from("k");
  const write = async (text: string): Promise<string> => {
    const store = open(dataDir);
    const put = await store.kv.put("k", key, Buffer.from(text), null);
    const blob = await store.blobs.put("b", key, Buffer.from(text), null);
    const got = await store.kv.get("k", key);
    await store.close();
    if (put.ok && blob.ok && got.ok) return Buffer.from(got.value ?? []).toString();
    return [put, blob].map((result) => (result.ok ? "written" : result.failure.message)).join("\n");
  };
  try {
    assert.equal(await write("v"), "v");
    spawnSync("mount", ["-o", "remount,ro", dataDir]);
    assert.match(await write("w"), /k\.sqlite: .*read-only.*writable\n.*read-only.*Make the data folder writable/);
    spawnSync("mount", ["-o", "remount,rw", dataDir]);
    assert.equal(await write("x"), "x");
  } finally {
    spawnSync("umount", [dataDir]);
  }
});
