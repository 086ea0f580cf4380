/** Pages that came in a bundle: they answer where indexes have nothing to say or fail, and stand in no index's way. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { DAY_MS } from "../src/base/units.ts";
import type { Pages, WholePage } from "../src/mirror/pages/pages.ts";
import {
  type Bench,
  DOWN,
  FIRST_URL,
  failureOf,
  fileName,
  indexConfig,
  listed,
  must,
  NEGATIVE_TTL_MS,
  page,
  pageJson,
  pagesBench,
  START_MS,
} from "./support/mirror-pages.ts";

const ONE = `${FIRST_URL}one/`;
const BROUGHT = fileName("one", "1.0");
const indexes = [indexConfig("mine", FIRST_URL)];

/** As a bundle brings it that was made from an index called "company". */
async function broughtPage(t: TestContext): Promise<WholePage> {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": { metadata: true } })));
  const whole = await must(open({ config: { indexes: [indexConfig("company", FIRST_URL)] } }).whole("one", true));
  return whole!;
}

async function benchWith(t: TestContext, config: Parameters<Bench["open"]>[0] = {}): Promise<Bench & { pages: Pages }> {
  const brought = await broughtPage(t);
  const bench = pagesBench(t);
  bench.clock.nowMs = START_MS + 100 * DAY_MS;
  const pages = bench.open(config);
  assert.deepEqual(await pages.adopt(brought), { ok: true, value: undefined });
  return { ...bench, pages };
}

test("offline it answers, whatever indexes are configured, and tells whose page it was", async (t) => {
  const { pages, upstream } = await benchWith(t, { config: { indexes, upstream: { offline: true } } });
  assert.deepEqual(await listed(pages, "one"), ["stale", BROUGHT]);
  const { index } = await must(pages.explain("one"));
  assert.deepEqual(index, { name: "company", because: "bundle" });
  const { artifact } = await must(pages.find("one", BROUGHT, "metadata"));
  assert.deepEqual(artifact.source, { kind: "index", index: "company", url: `https://files.index.example/${BROUGHT}.metadata` });
  assert.equal(upstream.requests.length, 0);
});

test("a page from the future counts as of now: it is the newest of nothing that comes later", async (t) => {
  const brought = await broughtPage(t);
  const { open, clock } = pagesBench(t);
  const pages = open({ config: { indexes, upstream: { offline: true } } });
  assert.deepEqual(await pages.adopt({ ...brought, fetchedAtMs: clock.nowMs + 1_000 * DAY_MS }), { ok: true, value: undefined });
  assert.equal((await must(pages.explain("one"))).fetchedAtMs, clock.nowMs);
});

test("it answers where an index fails, however old it is, files and all", async (t) => {
  const { pages, upstream } = await benchWith(t, { config: { indexes } });
  upstream.failure = DOWN;
  assert.deepEqual(await listed(pages, "one"), ["stale", BROUGHT]);
  await must(pages.find("one", BROUGHT, "file"));
});

test("it answers where no index has the project, and where there is none", async (t) => {
  const { pages, upstream, clock } = await benchWith(t, { config: { indexes } });
  assert.deepEqual(await listed(pages, "one"), ["hit", BROUGHT]);
  assert.deepEqual(await listed(pages, "one"), ["hit", BROUGHT]);
  assert.equal(upstream.count(ONE), 1);
  clock.nowMs += NEGATIVE_TTL_MS;
  await listed(pages, "one");
  assert.equal(upstream.count(ONE), 2);
  const { pages: alone } = await benchWith(t, { config: { indexes: [] } });
  assert.deepEqual(await listed(alone, "one"), ["hit", BROUGHT]);
});

test("an index that has the project is asked at once, and its page takes its place", async (t) => {
  const { pages, upstream } = await benchWith(t, { config: { indexes } });
  upstream.on(ONE, page(pageJson("one", { "1.0": {}, "2.0": {} })));
  assert.deepEqual(await listed(pages, "one"), ["miss", BROUGHT, fileName("one", "2.0")]);
  upstream.failure = DOWN;
  assert.deepEqual((await must(pages.explain("one"))).index, { name: "mine", because: "first" });
});

test("a name that is pinned to another index than it came from is not answered by it", async (t) => {
  const pinned = (index: string) => ({
    config: { indexes: [indexConfig(index, FIRST_URL)], pins: [{ pattern: "o*", index }], upstream: { offline: true } },
  });
  const { pages: other } = await benchWith(t, pinned("mine"));
  assert.equal(await failureOf(other.represent("one", "json", "identity")), "OFFLINE");
  const { pages: same } = await benchWith(t, pinned("company"));
  assert.deepEqual(await listed(same, "one"), ["stale", BROUGHT]);
});

test("it is there after a restart", async (t) => {
  const bench = await benchWith(t, { config: { indexes } });
  await bench.pages.close();
  bench.upstream.failure = DOWN;
  assert.deepEqual(await listed(bench.open({ config: { indexes } }), "one"), ["stale", BROUGHT]);
});
