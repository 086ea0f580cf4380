/** Pages of a hostile or broken index, and a thread, a disk or a database that fails: what is refused, and what goes on. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Worker } from "node:worker_threads";
import * as zlib from "node:zlib";
import { FAILURE_PAUSE_MS } from "../src/mirror/pages/failing-pages.ts";
import type { Pages } from "../src/mirror/pages/pages.ts";
import { UpstreamError } from "../src/mirror/upstream/upstream.ts";
import {
  brokenBody,
  DOWN,
  FIRST_URL,
  failureOf,
  fileName,
  indexConfig,
  JSON_TYPE,
  listed,
  must,
  PAGE_MAX_BYTES,
  page,
  pageJson,
  pagesBench,
  type ScriptedAnswer,
  TTL_MS,
} from "./support/mirror-pages.ts";

const ONE = `${FIRST_URL}one/`;
const ONE_PAGE = pageJson("one", { "1.0": {} });

/** The threads that were started since, for a test that ends them. */
function threadsOf(t: TestContext, onStarted: (worker: Worker) => void = () => {}): Worker[] {
  const threads: Worker[] = [];
  const note = (message: unknown) => {
    const { worker } = message as { worker: Worker };
    threads.push(worker);
    onStarted(worker);
  };
  subscribe("worker_threads", note);
  t.after(() => unsubscribe("worker_threads", note));
  return threads;
}

test("a page of 2 GB is given up at the bound, whether it tells its length or not", async (t) => {
  const { upstream, open, counters } = pagesBench(t);
  const block = new Uint8Array(65_536).fill(0x20);
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; sent < 2 ** 31; sent += block.length) yield block;
  }
  upstream.on(ONE, { headers: { "content-type": JSON_TYPE }, body: endless() });
  const pages = open();
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_TOO_LARGE");
  assert.ok(sent <= PAGE_MAX_BYTES + block.length, `${sent} bytes were taken`);
  assert.ok(counters.byKind.page.receivedBytes <= PAGE_MAX_BYTES + block.length);
  upstream.on(`${FIRST_URL}two/`, { headers: { "content-type": JSON_TYPE, "content-length": String(2 ** 31) }, body: endless() });
  const before = sent;
  assert.equal(await failureOf(pages.represent("two", "json", "gzip")), "UPSTREAM_TOO_LARGE");
  assert.equal(sent, before);
});

test("a bomb of two gigabytes in two megabytes is refused, and the next page is served", async (t) => {
  const { upstream, open } = pagesBench(t);
  const pages = open();
  const codings = { gzip: zlib.gzipSync, br: zlib.brotliCompressSync, zstd: zlib.zstdCompressSync };
  for (const [coding, compress] of Object.entries(codings)) {
    const name = `bomb-${coding}`;
    const bytes = Buffer.alloc(PAGE_MAX_BYTES + 1, " ");
    upstream.on(`${FIRST_URL}${name}/`, { headers: { "content-type": JSON_TYPE, "content-encoding": coding }, body: compress(bytes) });
    assert.equal(await failureOf(pages.represent(name, "json", "gzip")), "UPSTREAM_TOO_LARGE", coding);
  }
  const part = zlib.gzipSync(Buffer.alloc(16_000_000, " "));
  const bomb = Buffer.concat(Array.from({ length: 120 }, () => part));
  upstream.on(ONE, { headers: { "content-type": JSON_TYPE, "content-encoding": "gzip" }, body: bomb });
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_TOO_LARGE");
  upstream.on(ONE, { headers: { "content-type": JSON_TYPE, "content-encoding": "gzip" }, body: zlib.gzipSync(ONE_PAGE) });
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
});

const MALFORMED: Readonly<Record<string, ScriptedAnswer>> = {
  "an image": { body: "GIF89a", headers: { "content-type": "image/gif" } },
  "no JSON": { body: "<!DOCTYPE html>", headers: { "content-type": JSON_TYPE } },
  "half of it": { body: ONE_PAGE.slice(0, 90), headers: { "content-type": JSON_TYPE } },
  nothing: { body: "", headers: { "content-type": "text/html" } },
  "a list": { body: "[]", headers: { "content-type": JSON_TYPE } },
  "a version to come": { body: '{"meta":{"api-version":"2.0"},"files":[]}', headers: { "content-type": JSON_TYPE } },
  "nesting of 200,000 levels": { body: "[".repeat(200_000), headers: { "content-type": JSON_TYPE } },
  "a damaged coding": { body: ONE_PAGE, headers: { "content-type": JSON_TYPE, "content-encoding": "gzip" } },
  "a part": { status: 206, body: ONE_PAGE, headers: { "content-type": JSON_TYPE } },
  "a 304 to no question": { status: 304 },
};

for (const [what, answer] of Object.entries(MALFORMED)) {
  test(`an index that sends ${what} has failed: its page stays as it was, and nothing is made up`, async (t) => {
    const { upstream, open, clock, logged } = pagesBench(t);
    upstream.on(ONE, answer);
    const pages = open();
    assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_MALFORMED");
    assert.equal(logged.length, 1, logged.join("; "));
    assert.match(logged[0]!, /^warn Cannot use the answer of \S+\/one\/: /);
    upstream.on(ONE, page(ONE_PAGE));
    await must(pages.represent("one", "json", "gzip"));
    clock.nowMs += TTL_MS;
    upstream.on(ONE, answer);
    assert.deepEqual(await listed(pages, "one"), ["stale", fileName("one", "1.0")]);
  });
}

test("a page that lists nothing usable any more does not take the place of one that does, unless it says so", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  const pages = open();
  const broken = [
    { body: '{"meta":{"api-version":"1.0"},"files":[1,1]}', headers: { "content-type": JSON_TYPE } },
    { body: "<title>Links for one</title><h1>Links for one</h1>", headers: { "content-type": "text/html" } },
  ];
  for (const answer of broken) {
    upstream.on(ONE, page(ONE_PAGE));
    await must(pages.represent("one", "json", "gzip"));
    clock.nowMs += TTL_MS;
    upstream.on(ONE, answer);
    assert.deepEqual(await listed(pages, "one"), ["stale", fileName("one", "1.0")]);
    clock.nowMs += FAILURE_PAUSE_MS;
    upstream.on(`${FIRST_URL}two/`, answer);
    assert.deepEqual(await listed(pages, "two"), ["miss"], "of what was never kept");
    await pages.forget("two");
  }
  upstream.on(ONE, page(pageJson("one", {})));
  assert.deepEqual(await listed(pages, "one"), ["miss"]);
});

test("an answer that breaks off is asked for once more, and is none if it breaks off again", async (t) => {
  const { upstream, open, counters, logged } = pagesBench(t);
  const broken = (): ScriptedAnswer => ({ headers: { "content-type": JSON_TYPE }, body: brokenBody(ONE, Buffer.from(ONE_PAGE)) });
  upstream.on(ONE, broken);
  const pages = open();
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_TRUNCATED");
  assert.equal(upstream.count(ONE), 2);
  upstream.on(ONE, () => (upstream.count(ONE) === 3 ? broken() : page(ONE_PAGE)));
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
  assert.equal(upstream.count(ONE), 4);
  assert.equal(counters.byKind.page.upstreamRequests, 4);
  assert.equal(logged.length, 1, "the one that both attempts broke");
  assert.match(logged[0]!, /^warn Cannot complete \S+\/one\/: the index sent /);
});

test("an index that is too slow within an answer is not asked for it again", async (t) => {
  const { upstream, open } = pagesBench(t);
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(ONE_PAGE.slice(0, 9));
    throw new UpstreamError({ code: "UPSTREAM_TIMEOUT", url: ONE, timeoutMs: 1 });
  }
  upstream.on(ONE, () => ({ headers: { "content-type": JSON_TYPE }, body: slow() }));
  assert.equal(await failureOf(open().represent("one", "json", "gzip")), "UPSTREAM_TIMEOUT");
  assert.equal(upstream.count(ONE), 1);
});

test("a key in the path of an index is in no failure and no line of the log", async (t) => {
  const { upstream, open, logged } = pagesBench(t);
  const url = "https://one.index.example/k3jX9vQ2mZ7pL1wR/simple/";
  const answers: ScriptedAnswer[] = [
    { body: "GIF89a", headers: { "content-type": "image/gif" } },
    { body: "<", headers: { "content-type": JSON_TYPE } },
    { status: 304 },
    { status: 206 },
    { headers: { "content-length": String(2 ** 31) } },
  ];
  const pages = open({ config: { indexes: [indexConfig("index-1", url)] } });
  for (const answer of answers) {
    upstream.on(`${url}one/`, answer);
    upstream.on(url, answer);
    for (const name of ["one", ""]) {
      const failed = await pages.represent(name, "json", "gzip");
      assert.ok(!failed.ok && JSON.stringify(failed.failure).includes("https://one.index.example/***/simple/"), JSON.stringify(failed));
    }
  }
  assert.doesNotMatch(logged.join("\n"), /k3jX9/);
});

test("validators that could not be sent back are not kept", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  const headers = { "content-type": JSON_TYPE, etag: '"a"\r\nx-evil: 1', "last-modified": "\u0001" };
  upstream.on(ONE, { headers, body: ONE_PAGE });
  const pages = open();
  await must(pages.represent("one", "json", "gzip"));
  clock.nowMs += TTL_MS;
  await must(pages.represent("one", "json", "gzip"));
  assert.deepEqual(Object.keys(upstream.requests[1]!.headers), ["accept", "accept-encoding"]);
});

/** While `isDeadly`, every thread dies of being asked for `method`. */
function threadsThatDieOf(t: TestContext, method: string) {
  const world = { isDeadly: true };
  threadsOf(t, (worker) => {
    const post = worker.postMessage.bind(worker);
    t.mock.method(worker, "postMessage", (message: unknown, buffers: never) => {
      if (world.isDeadly && JSON.stringify(message).includes(`"method":"${method}"`)) void worker.terminate();
      else post(message, buffers);
    });
  });
  return world;
}

test("a page that the thread dies of leaves the one that was kept, and is left alone for a moment", async (t) => {
  const { upstream, open, clock, logged } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const world = threadsThatDieOf(t, "keep");
  world.isDeadly = false;
  const pages = open();
  await must(pages.represent("one", "json", "gzip"));
  clock.nowMs += TTL_MS;
  world.isDeadly = true;
  upstream.on(ONE, page(pageJson("one", { "2.0": {} })));
  for (let count = 0; count < 3; count++) assert.deepEqual(await listed(pages, "one"), ["stale", fileName("one", "1.0")]);
  assert.equal(upstream.count(ONE), 2);
  assert.deepEqual(logged, ["error the page thread was lost"]);
  clock.nowMs += FAILURE_PAUSE_MS;
  world.isDeadly = false;
  assert.deepEqual(await listed(pages, "one"), ["miss", fileName("one", "2.0")]);
  upstream.on(`${FIRST_URL}two/`, page(pageJson("two", { "1.0": {} })));
  world.isDeadly = true;
  assert.equal(await failureOf(pages.represent("two", "json", "gzip")), "STORAGE_FAILED", "of what was never kept");
});

test("the list is made without the page thread where that dies of it", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(FIRST_URL, page(JSON.stringify({ meta: { "api-version": "1.0" }, projects: [{ name: "one" }] })));
  threadsThatDieOf(t, "listForm");
  const pages = open();
  await must(pages.represent("", "json", "gzip"));
  assert.equal((await must(pages.represent("", "html", "gzip"))).outcome, "hit");
  assert.equal(upstream.count(FIRST_URL), 1);
});

test("what was under way in a thread that dies is done again by the next", async (t) => {
  const threads = threadsOf(t);
  const { upstream, open, logged } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const pages = open();
  const { representation } = await must(pages.represent("one", "json", "gzip"));
  assert.equal(threads.length, 1);
  const waiting = pages.represent("one", "html", "gzip");
  await threads[0]!.terminate();
  assert.equal((await must(waiting)).outcome, "hit");
  assert.deepEqual(logged, ["error the page thread was lost"]);
  assert.equal(pages.prepared("one", "json", "gzip")?.bytes, representation.bytes, "what was ready is not lost");
  assert.equal((await must(pages.represent("one", "html", "gzip"))).outcome, "hit");
  assert.equal(threads.length, 2);
  assert.equal(upstream.count(ONE), 1);
});

test("nothing is started before the first request that needs it", async (t) => {
  const threads = threadsOf(t);
  const { folder, open } = pagesBench(t);
  const pages = open();
  assert.equal(pages.prepared("one", "json", "gzip"), null);
  assert.equal(pages.found("one", "one-1.0.tar.gz", "file"), null);
  assert.deepEqual(pages.totals, { preparedCount: 0, preparedBytes: 0, projectCount: 0 });
  await pages.close();
  assert.equal(threads.length, 0);
  assert.equal(existsSync(join(folder, "pages.sqlite")), false);
});

test("a database that is damaged is set aside, and pages are fetched anew", async (t) => {
  const { folder, upstream, open, logged } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const file = join(folder, "pages.sqlite");
  writeFileSync(file, "this is no database".repeat(1_000));
  const pages = open();
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
  assert.equal(existsSync(`${file}.damaged`), true);
  assert.match(logged.join("\n"), /damaged: it is set aside/);
  await pages.close();
  upstream.failure = DOWN;
  assert.equal((await must(open().represent("one", "json", "gzip"))).outcome, "hit", "the new one keeps");
});

test("a database that is damaged in its midst is set aside when that is found", async (t) => {
  const { folder, upstream, open, logged } = pagesBench(t);
  const names = Array.from({ length: 200 }, (_, index) => `project-${index}`);
  for (const name of names) upstream.on(`${FIRST_URL}${name}/`, page(pageJson(name, { "1.0": {}, "2.0": {} })));
  const before = open();
  for (const name of names) await must(before.represent(name, "json", "gzip"));
  await before.close();
  const file = join(folder, "pages.sqlite");
  const descriptor = openSync(file, "r+");
  // Behind the first page, which holds the schema.
  writeSync(descriptor, Buffer.alloc(100_000, 0xa5), 0, 100_000, 8_192);
  closeSync(descriptor);
  const after = open();
  for (const name of names) await must(after.represent(name, "json", "gzip"));
  assert.equal(existsSync(`${file}.damaged`), true);
  assert.match(logged.join("\n"), /damaged/);
});

async function servesWithoutDatabase(pages: Pages, clock: { nowMs: number }): Promise<void> {
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
  assert.equal((await must(pages.represent("one", "html", "gzip"))).outcome, "hit");
  assert.equal((await must(pages.find("one", fileName("one", "1.0"), "file"))).artifact.project, "one");
  clock.nowMs += TTL_MS;
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "revalidated");
}

test("where no database can be made the mirror serves without one, and says why", async (t) => {
  const { folder, upstream, open, clock, logged } = pagesBench(t);
  upstream.on(ONE, ({ headers }) => (headers["if-none-match"] === '"v1"' ? { status: 304 } : page(ONE_PAGE, '"v1"')));
  mkdirSync(join(folder, "pages.sqlite"));
  await servesWithoutDatabase(open(), clock);
  assert.equal(logged.length, 1, logged.join("\n"));
  assert.match(logged[0]!, /^error Cannot open .*pages\.sqlite/);
  rmSync(join(folder, "pages.sqlite"), { recursive: true });
});
