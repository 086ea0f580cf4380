import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { MIB } from "../base/units.ts";
import { openStore } from "../store/store.ts";
import { createCapabilityHost } from "./capability-host.ts";

const dataDir = mkdtempSync(join(tmpdir(), "pilotlight-host-"));
const store = openStore({ dataDir, onStuck: () => assert.fail("a statement is stuck") });
const host = createCapabilityHost({ store, onFault: (_functionId, message) => assert.fail(message) });
after(async () => {
  await host.close();
  rmSync(dataDir, { recursive: true });
});

const ALLOW = { kv: ["k"], sql: ["s"], blob: ["b"], queue: ["q"], lock: ["l"] };
const { kv, sql, blob, queue, lock } = host.hostFor("f", ALLOW);

test("values of any type and shape are refused as failures, never thrown", async () => {
  const strange: unknown[] = [
    undefined,
    null,
    0,
    Number.NaN,
    1n,
    "",
    "\ud800",
    "a".repeat(600),
    {},
    [],
    () => 1,
    new Uint8Array(3),
    Symbol("x"),
  ];
  for (const value of strange) {
    const it = value as never;
    const outcomes = await Promise.all([
      kv.get("k", it),
      kv.put("k", "key", new Uint8Array(1), { ttlMs: value === undefined ? (Number.NaN as never) : it }),
      kv.list("k", { limit: value === undefined ? (0 as never) : it }),
      sql.query("s", it),
      sql.batch("s", [{ sql: it }]),
      sql.exec("s", it),
      sql.query("s", "SELECT ?", [typeof value === "object" && value !== null && !ArrayBuffer.isView(value) ? it : (Symbol("x") as never)]),
      blob.get("b", it),
      blob.put("b", it, new Uint8Array(1)),
      queue.enqueue("q", new Uint8Array(1), { delayMs: value === undefined || value === 0 ? (-1 as never) : it }),
      lock.acquire("l", it, { ttlMs: 1_000 }),
      lock.acquire("l", "key", { ttlMs: it }),
      lock.release("l", "key", it),
    ]);
    const refused = outcomes.map((outcome) => (outcome.ok ? "accepted" : outcome.failure.code));
    const isKey = typeof value === "string" && value === "a".repeat(600);
    for (const code of refused)
      assert.match(code, isKey ? /INVALID|TOO_LARGE|SQL_FAILED/ : /INVALID|TOO_LARGE/, `${String(value)}: ${refused}`);
  }
});

test("a function is denied what another was allowed", async () => {
  const other = host.hostFor("g", { kv: ["mine"] });
  for (const outcome of [await other.kv.get("k", "x"), await other.sql.query("s", "SELECT 1"), await other.sql.query(null, "SELECT 1")]) {
    assert.equal(outcome.ok ? "accepted" : outcome.failure.code, "DENIED");
  }
  assert.ok((await other.kv.put(null, "x", Buffer.from("1"))).ok);
  const apart = await kv.get(null, "x");
  assert.deepEqual(apart, { ok: true, value: null });
});

test("bytes under way are bounded, whoever holds them", async () => {
  const large = new Uint8Array(64 * MIB);
  const outcomes = await Promise.all(Array.from({ length: 6 }, (_, index) => blob.put("b", `large-${index}`, large)));
  const codes = outcomes.map((outcome) => (outcome.ok ? "written" : outcome.failure.code));
  assert.deepEqual(codes, ["written", "written", "written", "written", "BUSY", "BUSY"]);
  assert.ok((await blob.put("b", "large-0", large)).ok, "what ended counts no more");
});

test("who waits for a lock is woken by its release, and leaves no lease behind when it has gone", async () => {
  const first = await lock.acquire("l", "row", { ttlMs: 60_000 });
  assert.ok(first.ok && first.value !== null);
  const gone = new AbortController();
  const leaving = lock.acquire("l", "row", { ttlMs: 60_000, waitMs: 60_000, signal: gone.signal });
  gone.abort();
  assert.deepEqual(await leaving, { ok: true, value: null });
  const second = lock.acquire("l", "row", { ttlMs: 60_000, waitMs: 60_000 });
  assert.deepEqual(await lock.release("l", "row", first.value.token), { ok: true, value: true });
  const lease = await second;
  assert.ok(lease.ok && lease.value !== null && lease.value.token > first.value.token);
});

test("a guest that asks a store that is closed is told that it is busy", async () => {
  const told: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-host-"));
  const closed = openStore({ dataDir: folder, onStuck: () => assert.fail("a statement is stuck") });
  const closedHost = createCapabilityHost({ store: closed, onFault: (_functionId, message) => told.push(message) });
  const capabilities = closedHost.hostFor("f", ALLOW);
  await closedHost.close();
  const asked = await capabilities.kv.get("k", "key");
  assert.deepEqual(asked, {
    ok: false,
    failure: { code: "BUSY", message: "the store is busy: nothing was written; try again" },
  });
  assert.deepEqual(told, ["The server is stopping"]);
  rmSync(folder, { recursive: true });
});
