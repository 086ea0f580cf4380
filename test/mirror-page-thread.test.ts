/** The page thread's client: what becomes of requests when the thread rests, is lost, or is closed. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Worker } from "node:worker_threads";
import type { KeptAnswer } from "../src/mirror/pages/kept-answer.ts";
import { PageClient } from "../src/mirror/pages/page-client.ts";

const ANSWER: KeptAnswer = {
  url: "https://index.example/simple/",
  index: "index-1",
  isPage: false,
  checkedAtMs: 1_000,
  isForgotten: false,
  etag: null,
  lastModified: null,
  contentHash: "",
};

/** What keeps no process alive must be waited for by something that does. */
async function inTime(event: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | null = null;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("in vain: the thread's end")), 20_000);
  });
  await Promise.race([event, late]).finally(() => clearTimeout(timer!));
}

/** Of every thread that is started from here on. */
function threadEnds(t: TestContext): readonly Promise<unknown>[] {
  const ends: Promise<unknown>[] = [];
  const count = (worker: Worker) => ends.push(once(worker, "exit"));
  process.on("worker", count);
  t.after(() => process.off("worker", count));
  return ends;
}

const NO_POLICY: unknown = { mode: "enforce", rules: [], cooldownMs: 0, cooldownExempt: [] };
/** No thread can start with it. */
const BROKEN_POLICY: unknown = null;

function client(t: TestContext, idleMaxMs?: number, policy = NO_POLICY, nowMs?: () => number, heapMaxMib = 256) {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-page-thread-"));
  const lost: string[] = [];
  const settings = { file: join(folder, "pages.sqlite"), policy: policy as never, pageMaxBytes: 10_000_000 };
  const pages = new PageClient({
    settings,
    heapMaxMib,
    onFault: ({ message }) => lost.push(message),
    onLost: (reason) => lost.push(reason),
    ...(idleMaxMs === undefined ? {} : { idleMaxMs }),
    ...(nowMs === undefined ? {} : { nowMs }),
  });
  t.after(async () => {
    await pages.close();
    rmSync(folder, { recursive: true });
  });
  return { pages, lost };
}

test("a thread that is not needed ends by itself, and the next request has what it kept", async (t) => {
  const { pages, lost } = client(t, 1);
  const ends = threadEnds(t);
  await pages.call("putAbsent", "one", ANSWER);
  for (let round = 1; round <= 3; round++) {
    assert.equal(ends.length, round);
    await inTime(ends[round - 1]!);
    assert.deepEqual(await pages.call("look", "one"), { ok: true, value: [ANSWER] });
  }
  assert.deepEqual(lost, []);
});

test("what the database has ready is answered without a thread, until something needs one", async (t) => {
  const { pages, lost } = client(t, 1);
  const ends = threadEnds(t);
  await pages.call("putAbsent", "one", ANSWER);
  // The thread ends once it isn't needed; what it wrote is there for whoever looks.
  await inTime(ends[0]!);
  const threads = t.mock.method(process.getBuiltinModule("node:worker_threads"), "Worker");
  assert.deepEqual(await pages.look("one"), { ok: true, value: [ANSWER] });
  assert.equal(pages.projectCount, 0);
  assert.equal(threads.mock.callCount(), 0);
  assert.deepEqual(await pages.look("two"), { ok: true, value: [] });
  assert.equal(threads.mock.callCount(), 1);
  // Told to the thread just now: a look must not overtake it.
  const written = pages.call("putAbsent", "one", { ...ANSWER, checkedAtMs: 2_000 });
  assert.deepEqual(await pages.look("one"), { ok: true, value: [{ ...ANSWER, checkedAtMs: 2_000 }] });
  await written;
  assert.deepEqual(lost, []);
});

test("requests beyond what may wait are refused at once, and the others are answered", async (t) => {
  const { pages } = client(t);
  const results = await Promise.all(Array.from({ length: 10_050 }, () => pages.call("look", "one")));
  assert.equal(results.filter((result) => result.ok).length, 10_000);
  assert.equal(results.filter((result) => !result.ok && result.failure.code === "BUSY").length, 50);
});

test("a thread that can't even start fails its requests with the reason", async (t) => {
  const { pages, lost } = client(t, undefined, BROKEN_POLICY);
  const result = await pages.call("look", "one");
  assert.ok(!result.ok && result.failure.code === "STORAGE_FAILED" && result.failure.message.startsWith("The page thread was lost: "));
  assert.equal(lost.length, 1);
});

test("after one death another thread is started at once, after several only when a while has passed", async (t) => {
  let nowMs = 0;
  const { pages, lost } = client(t, undefined, BROKEN_POLICY, () => nowMs);
  const codeOf = async (): Promise<string> => {
    const result = await pages.call("look", "one");
    return result.ok ? "answered" : result.failure.code;
  };
  assert.deepEqual([await codeOf(), await codeOf(), await codeOf()], ["STORAGE_FAILED", "STORAGE_FAILED", "BUSY"]);
  nowMs = 10_000;
  assert.deepEqual([await codeOf(), await codeOf()], ["STORAGE_FAILED", "BUSY"]);
  assert.equal(lost.length, 3);
});

test("a page that the thread dies of is the only one to suffer, and is not given to the next", async (t) => {
  const { pages, lost } = client(t, undefined, NO_POLICY, () => 0, 16);
  const text = `{"meta":{"api-version":"1.0"},"files":[],"other":[${'{"a":1},'.repeat(900_000)}1]}`;
  const keep = (project: string) => {
    const blocks = [new TextEncoder().encode(text).buffer];
    const body = { blocks, sizeBytes: text.length, contentType: "application/json", contentEncoding: null, url: "the page" };
    const { url, index, etag, lastModified } = ANSWER;
    return pages.transfer("keep", blocks, { project, url, index, body, baseUrl: url, etag, lastModified, nowMs: 0 });
  };
  for (let round = 1; round <= 5; round++) {
    for (let again = 0; again < 2; again++) {
      const kept = await keep(`bomb-${round}`);
      assert.ok(!kept.ok && kept.failure.code === "UPSTREAM_MALFORMED" && kept.failure.url === "the page", JSON.stringify(kept));
    }
    assert.equal(lost.length, round, "the second time nobody tries");
    assert.deepEqual(await pages.call("look", "one"), { ok: true, value: [] });
  }
  assert.equal(pages.fatal("bomb-1", ANSWER.url)?.code, "UPSTREAM_MALFORMED");
  pages.pardon("bomb-1", ANSWER.url);
  assert.equal(pages.fatal("bomb-1", ANSWER.url), null);
});

test("after close there is no thread any more, and what was asked before is done", async (t) => {
  const { pages } = client(t);
  const before = pages.call("look", "one");
  await pages.close();
  assert.deepEqual(await before, { ok: true, value: [] });
  const after = await pages.call("look", "one");
  assert.ok(!after.ok && after.failure.code === "STOPPING");
});

test("a process that has nothing else to do waits for the end of the thread when it closes", () => {
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-page-thread-"));
  const settings = { file: join(folder, "pages.sqlite"), policy: { mode: "enforce", rules: [], cooldownMs: 0, cooldownExempt: [] } };
  const program = `
    import { PageClient } from ${JSON.stringify(join(import.meta.dirname, "../src/mirror/pages/page-client.ts"))};
    const pages = new PageClient({ settings: ${JSON.stringify({ ...settings, pageMaxBytes: 1_000 })}, onFault() {}, onLost() {} });
    await pages.call("look", "one");
    // Nobody waits for this one, as where an index has no such project.
    void pages.call("putAbsent", "one", ${JSON.stringify(ANSWER)});
    await pages.close();
    console.log("closed");
  `;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  assert.deepEqual([status, stdout], [0, "closed\n"]);
});
