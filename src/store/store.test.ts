/** The contract of each store, on real files; two stores on one folder stand for two processes. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Result } from "../base/result.ts";
import { cursorOf, keyOfCursor, keyRange } from "./key-range.ts";
import { openStore } from "./store.ts";
import type { StoreFault } from "./store-fault.ts";

const dataDir = mkdtempSync(join(tmpdir(), "pilotlight-store-"));
const options = { dataDir, onStuck: () => assert.fail("a statement is stuck") };
const store = openStore(options);
const other = openStore(options);
after(async () => {
  await Promise.all([store.close(), other.close()]);
  rmSync(dataDir, { recursive: true });
});

async function must<Value>(outcome: Promise<Result<Value, StoreFault>>): Promise<Value> {
  const result = await outcome;
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = (value: Uint8Array | null): string | null => (value === null ? null : Buffer.from(value).toString());
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("a value is what was written last, by whichever process, until it expires or is deleted", async () => {
  await must(store.kv.put("a", bytes("k"), bytes("one"), null));
  await must(other.kv.put("a", bytes("k"), bytes("two"), null));
  assert.equal(text(await must(store.kv.get("a", bytes("k")))), "two");
  assert.equal(await must(store.kv.get("other", bytes("k"))), null);
  await must(store.kv.put("a", bytes("soon"), bytes("x"), 30));
  assert.equal(text(await must(other.kv.get("a", bytes("soon")))), "x");
  await sleep(60);
  assert.equal(await must(other.kv.get("a", bytes("soon"))), null);
  assert.equal(await must(other.kv.delete("a", bytes("soon"))), false);
  assert.equal(await must(other.kv.delete("a", bytes("k"))), true);
  assert.equal(await must(store.kv.get("a", bytes("k"))), null);
});

test("10,000 keys are listed page by page, in the order of their bytes, each once", async () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `p/${String(index).padStart(5, "0")}`);
  // In two portions: what may wait for the thread at once is bounded.
  for (const portion of [keys.slice(0, 5_000), keys.slice(5_000)]) {
    await Promise.all(portion.map((key) => must(store.kv.put("many", bytes(key), bytes(key), null))));
  }
  for (const key of ["p", "p0", "q/1", "é", "\u{10ffff}"]) await must(store.kv.put("many", bytes(key), bytes(""), null));
  const listed: string[] = [];
  for (let last: Uint8Array | null = null; ; ) {
    const page: { key: Uint8Array }[] = await must(other.kv.list("many", keyRange("p/", last, 1_000)));
    if (page.length === 0) break;
    listed.push(...page.map(({ key }) => text(key)!));
    last = page.at(-1)!.key;
  }
  assert.deepEqual(listed, keys);
  const ends = await must(store.kv.list("many", keyRange("", bytes("p/99999"), 1_000)));
  assert.deepEqual(
    ends.map(({ key }) => text(key)),
    ["p0", "q/1", "é", "\u{10ffff}"],
  );
});

test("a cursor is read back to its key, and nothing else is", () => {
  assert.deepEqual(Buffer.from(keyOfCursor(cursorOf(bytes("a/é")), 512)!), bytes("a/é"));
  for (const bad of ["", "!", "a", "YQ==", cursorOf(Buffer.alloc(513))]) assert.equal(keyOfCursor(bad, 512), null, bad);
});

test("requests beyond what may wait are refused at once, and the others are done", async () => {
  const results = await Promise.all(
    Array.from({ length: 10_050 }, (_, index) => store.kv.put("flood", bytes(`${index}`), bytes(""), null)),
  );
  const codes = results.map((result) => (result.ok ? "ok" : result.failure.code));
  assert.equal(codes.filter((code) => code === "ok").length, 10_000);
  assert.equal(codes.filter((code) => code === "BUSY").length, 50);
});

test("a lease excludes other processes until it is released or ends; tokens only grow", async () => {
  const acquire = (from: typeof store, ttlMs: number) => must(from.client.run("lock", "", "acquire", bytes("l"), ttlMs));
  const first = (await acquire(store, 60_000))!;
  assert.equal(await acquire(other, 60_000), null);
  assert.equal(await must(other.client.run("lock", "", "release", bytes("l"), first.token + 1)), false);
  assert.equal(await must(store.client.run("lock", "", "release", bytes("l"), first.token)), true);
  const second = (await acquire(other, 20))!;
  assert.ok(second.token > first.token);
  await sleep(40);
  assert.equal(await must(other.client.run("lock", "", "renew", bytes("l"), second.token, 1_000)), null);
  const third = (await acquire(store, 60_000))!;
  assert.ok(third.token > second.token);
  assert.equal(await must(other.client.run("lock", "", "release", bytes("l"), second.token)), false);
  assert.equal(await acquire(other, 1_000), null);
});

test("each job is leased once, oldest first, by processes that ask at the same time", async () => {
  const ids = await Promise.all(
    Array.from({ length: 100 }, (_, index) => must(store.jobs.enqueue({ queue: "race", payload: bytes(`${index}`) }))),
  );
  const taken = await Promise.all([store, other].map((one) => must(one.jobs.lease(["race"], 60, 60_000))));
  assert.equal(new Set(taken.flat().map(({ id }) => id)).size, 100);
  assert.deepEqual(new Set(taken.flat().map(({ id }) => id)), new Set(ids.map(({ id }) => id)));
  const payloads = taken.map((jobs) => jobs.map(({ payload }) => Number(text(payload))));
  for (const numbers of payloads)
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
});

test("a job is retried when it is due, and dead after its attempts; replayed, it has them all again", async () => {
  const { id } = await must(store.jobs.enqueue({ queue: "retry", payload: bytes("p"), meta: "{}", attemptsMax: 2 }));
  const [first] = await must(store.jobs.lease(["retry"], 1, 60_000));
  assert.equal(await must(store.jobs.retry(first!, "it broke", 30)), "queued");
  assert.deepEqual(await must(store.jobs.lease(["retry"], 1, 60_000)), []);
  const dueInMs = await must(store.jobs.dueInMs(["retry"]));
  assert.ok(dueInMs !== null && dueInMs <= 30);
  await sleep(50);
  const [second] = await must(store.jobs.lease(["retry", "race"], 1, 60_000));
  assert.equal(second!.attemptCount, 2);
  assert.equal(await must(store.jobs.complete(first!, null, null)), false, "the first lease is over");
  assert.equal(await must(store.jobs.retry(second!, "it broke again", 30)), "dead");
  assert.deepEqual(
    (await must(store.jobs.list({ state: "dead", queue: "retry" }))).map((job) => [job.id, job.error, job.attemptCount]),
    [[id, "it broke again", 2]],
  );
  assert.equal(await must(store.jobs.dueInMs(["retry"])), null);
  assert.equal(await must(store.jobs.replay(id)), true);
  const [third] = await must(store.jobs.lease(["retry"], 1, 60_000));
  assert.equal(third!.attemptCount, 1);
  assert.equal(await must(store.jobs.drop(id)), false, "somebody is at it");
  assert.equal(await must(store.jobs.complete(third!, bytes("answer"), "200")), true);
  const done = await must(other.jobs.get(id));
  assert.deepEqual([done!.state, text(done!.result), done!.resultMeta, done!.error], ["done", "answer", "200", null]);
  assert.equal(await must(store.jobs.drop(id)), true);
  assert.equal(await must(store.jobs.get(id)), null);
});

test("a job whose worker was lost is taken again, and is dead when that was its last attempt", async () => {
  const { id } = await must(store.jobs.enqueue({ queue: "lost", payload: bytes("p"), attemptsMax: 2 }));
  await must(store.jobs.lease(["lost"], 1, 10));
  await sleep(30);
  const [again] = await must(other.jobs.lease(["lost"], 1, 40));
  assert.equal(again!.id, id);
  assert.equal(await must(other.jobs.extend(again!, 10)), true);
  await sleep(30);
  assert.deepEqual(await must(store.jobs.lease(["lost"], 1, 10)), []);
  const dead = await must(store.jobs.get(id));
  assert.equal(dead!.state, "dead");
  assert.match(dead!.error!, /worker was lost/);
  assert.equal(await must(other.jobs.extend(again!, 60_000)), true, "its worker lives after all");
  assert.equal((await must(store.jobs.get(id)))!.state, "running");
  assert.equal(await must(other.jobs.complete(again!, null, null)), true);
});

test("a second job with the idempotency key of its queue is the first", async () => {
  const job = { queue: "once", payload: bytes("p"), idempotencyKey: "k" };
  const [first, second] = await Promise.all([must(store.jobs.enqueue(job)), must(other.jobs.enqueue(job))]);
  assert.equal(first!.id, second!.id);
  assert.deepEqual([first!.isNew, second!.isNew].sort(), [false, true]);
  assert.equal((await must(store.jobs.enqueue({ ...job, queue: "once too" }))).isNew, true);
  const counts = await must(store.jobs.counts());
  assert.deepEqual(
    counts.filter(({ queue }) => queue === "once"),
    [{ queue: "once", state: "queued", count: 1 }],
  );
});

test("a blob is replaced whole, and the files before it are gone", async () => {
  const content = Buffer.alloc(300_000, 3);
  await must(store.blobs.put("b", bytes("../../x"), bytes("first"), "text/plain"));
  await must(other.blobs.put("b", bytes("../../x"), content, null));
  const got = (await must(store.blobs.get("b", bytes("../../x"))))!;
  assert.deepEqual([Buffer.from(got.bytes).equals(content), got.contentType, got.sizeBytes], [true, null, 300_000]);
  const files = readdirSync(join(dataDir, "store", "blob-files", "b"), { recursive: true, encoding: "utf8" });
  assert.equal(files.filter((name) => name.includes("/")).length, 1);
  assert.equal(await must(store.blobs.delete("b", bytes("../../x"))), true);
  assert.equal(await must(other.blobs.get("b", bytes("../../x"))), null);
});

test("a blob that is written and read by many at once is always one whole content", async () => {
  const contents = ["a", "b"].map((letter) => Buffer.from(letter.repeat(100_000)));
  await must(store.blobs.put("busy", bytes("k"), contents[0]!, null));
  const writes = Array.from({ length: 20 }, (_, index) =>
    must((index % 2 === 0 ? store : other).blobs.put("busy", bytes("k"), contents[index % 2]!, null)),
  );
  const reads = Array.from({ length: 40 }, (_, index) => must((index % 2 === 0 ? store : other).blobs.get("busy", bytes("k"))));
  for (const read of await Promise.all(reads)) assert.ok(contents.some((content) => content.equals(read!.bytes)));
  await Promise.all(writes);
});

test("a store that is closed finishes what it was asked and refuses the rest", async () => {
  const closing = openStore(options);
  const writes = Array.from({ length: 50 }, (_, index) => closing.kv.put("closing", bytes(`${index}`), bytes(""), null));
  const closed = closing.close();
  const late = await closing.kv.put("closing", bytes("late"), bytes(""), null);
  assert.equal(late.ok ? "written" : late.failure.code, "STOPPING");
  assert.ok((await Promise.all(writes)).every(({ ok }) => ok));
  await closed;
});
