/** Whose page a name has: the folder of packages, a pin, the first index that has it; and what a failing index must not give away. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { UpstreamFailure } from "../src/mirror/failures.ts";
import {
  type Bench,
  type BenchOptions,
  DOWN,
  FIRST_URL,
  failureOf,
  fileName,
  indexConfig,
  listed,
  must,
  NEGATIVE_TTL_MS,
  packagesOf,
  page,
  pageJson,
  pagesBench,
  SECOND_URL,
  STALE_IF_ERROR_MS,
  TTL_MS,
} from "./support/mirror-pages.ts";

const [ONE_FIRST, ONE_SECOND] = [`${FIRST_URL}one/`, `${SECOND_URL}one/`];
const indexes = [indexConfig("private", FIRST_URL), indexConfig("public", SECOND_URL)];
const [mine, theirs] = [page(pageJson("one", { "1.0": {} })), page(pageJson("one", { "99.0": {} }))];
const [MINE, THEIRS] = [fileName("one", "1.0"), fileName("one", "99.0")];

function twoIndexes(t: TestContext, options: BenchOptions = {}): Bench & { pages: ReturnType<Bench["open"]> } {
  const bench = pagesBench(t);
  return { ...bench, pages: bench.open({ ...options, config: { indexes, ...options.config } }) };
}

test("the first index that has a project owns it: the others are not asked, and pages are not merged", async (t) => {
  const { upstream, pages } = twoIndexes(t);
  upstream.on(ONE_FIRST, mine);
  upstream.on(ONE_SECOND, theirs);
  assert.deepEqual(await listed(pages, "one"), ["miss", MINE]);
  assert.equal(upstream.count(ONE_SECOND), 0);
  const { artifact } = await must(pages.find("one", MINE, "file"));
  assert.equal(artifact.source.kind === "index" && artifact.source.index, "private");
});

test("what the first index doesn't have comes from the next, and the first is asked again when its no is no longer believed", async (t) => {
  const { upstream, pages, clock } = twoIndexes(t);
  upstream.on(ONE_SECOND, theirs);
  assert.deepEqual(await listed(pages, "one"), ["miss", THEIRS]);
  clock.nowMs += NEGATIVE_TTL_MS;
  assert.deepEqual(await listed(pages, "one"), ["revalidated", THEIRS]);
  assert.deepEqual([upstream.count(ONE_FIRST), upstream.count(ONE_SECOND)], [2, 1]);
  clock.nowMs += NEGATIVE_TTL_MS;
  upstream.on(ONE_FIRST, mine);
  assert.deepEqual(await listed(pages, "one"), ["miss", MINE]);
  assert.equal(await failureOf(pages.find("one", THEIRS, "file")), "NO_SUCH_FILE");
});

test("a project that its index no longer has is the next one's", async (t) => {
  const { upstream, pages, clock } = twoIndexes(t);
  upstream.on(ONE_FIRST, mine);
  await listed(pages, "one");
  upstream.on(ONE_FIRST, { status: 410 });
  upstream.on(ONE_SECOND, theirs);
  clock.nowMs += TTL_MS;
  assert.deepEqual(await listed(pages, "one"), ["miss", THEIRS]);
  upstream.remove(ONE_SECOND);
  clock.nowMs += TTL_MS;
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "NO_SUCH_PROJECT");
  // What is told of the thread is as of its last reply.
  await pages.forget("another");
  assert.equal(pages.totals.projectCount, 0);
});

const FAILURES: readonly UpstreamFailure[] = [
  DOWN,
  { code: "UPSTREAM_TIMEOUT", url: ONE_FIRST, timeoutMs: 1_000 },
  { code: "UPSTREAM_STATUS", url: ONE_FIRST, status: 500, retryAfterMs: null },
  { code: "UPSTREAM_STATUS", url: ONE_FIRST, status: 403, retryAfterMs: null },
  { code: "UPSTREAM_REDIRECTS", url: ONE_FIRST, reason: "a loop" },
];

for (const failure of FAILURES) {
  const what = failure.code === "UPSTREAM_STATUS" ? `answers ${failure.status}` : failure.code;
  test(`an index that fails (${what}) ends the search: the next one is never asked for its names`, async (t) => {
    const { upstream, pages } = twoIndexes(t);
    upstream.on(ONE_FIRST, failure);
    upstream.on(ONE_SECOND, theirs);
    assert.equal(await failureOf(pages.represent("one", "json", "gzip")), failure.code);
    assert.equal(await failureOf(pages.find("one", THEIRS, "file")), failure.code);
    assert.equal(upstream.count(ONE_SECOND), 0);
  });
}

test("an answer that can't be read ends the search, too", async (t) => {
  const { upstream, pages } = twoIndexes(t);
  upstream.on(ONE_FIRST, { body: "<html>Log in</html>", headers: { "content-type": "image/png" } });
  upstream.on(ONE_SECOND, theirs);
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_MALFORMED");
  assert.equal(upstream.count(ONE_SECOND), 0);
});

test("while the first index is down, the second's page that was kept answers, stale, and nothing new is taken from there", async (t) => {
  const { upstream, pages, clock } = twoIndexes(t);
  upstream.on(ONE_SECOND, theirs);
  await listed(pages, "one");
  upstream.on(ONE_FIRST, DOWN);
  upstream.on(ONE_SECOND, page(pageJson("one", { "100.0": {} })));
  clock.nowMs += TTL_MS;
  assert.deepEqual(await listed(pages, "one"), ["stale", THEIRS]);
  assert.equal(upstream.count(ONE_SECOND), 1);
  clock.nowMs += STALE_IF_ERROR_MS;
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_UNREACHABLE");
  assert.equal(upstream.count(ONE_SECOND), 1);
});

test("an index that was put before the others may own what they gave: it is asked before a kept page is used", async (t) => {
  const bench = pagesBench(t);
  bench.upstream.on(ONE_SECOND, theirs);
  const before = bench.open({ config: { indexes: indexes.slice(1) } });
  await listed(before, "one");
  await before.close();
  bench.upstream.on(ONE_FIRST, DOWN);
  const after = bench.open({ config: { indexes } });
  assert.equal(await failureOf(after.represent("one", "json", "gzip")), "UPSTREAM_UNREACHABLE");
  assert.equal(await failureOf(after.find("one", THEIRS, "file")), "UPSTREAM_UNREACHABLE");
  bench.upstream.on(ONE_FIRST, mine);
  assert.deepEqual(await listed(after, "one"), ["miss", MINE]);
});

test("pages are known by their index's address: another index under an old name gets none of them", async (t) => {
  const bench = pagesBench(t);
  bench.upstream.on(ONE_FIRST, mine);
  const before = bench.open();
  await listed(before, "one");
  await before.close();
  bench.upstream.on(ONE_SECOND, theirs);
  const after = bench.open({ config: { indexes: [indexConfig("index-1", SECOND_URL)] } });
  assert.deepEqual(await listed(after, "one"), ["miss", THEIRS]);
});

test("a pinned name is asked of its index alone, whatever the others have and whatever becomes of it", async (t) => {
  const { upstream, pages } = twoIndexes(t, {
    config: {
      pins: [
        { pattern: "one", index: "public" },
        { pattern: "acme-*", index: "private" },
      ],
    },
  });
  upstream.on(ONE_FIRST, mine);
  upstream.on(ONE_SECOND, theirs);
  upstream.on(`${SECOND_URL}acme-core/`, page(pageJson("acme-core", { "1.0": {} })));
  assert.deepEqual(await listed(pages, "one"), ["miss", THEIRS]);
  assert.equal(await failureOf(pages.represent("acme-core", "json", "gzip")), "NO_SUCH_PROJECT");
  assert.equal(await failureOf(pages.find("acme-core", fileName("acme-core", "1.0"), "file")), "NO_SUCH_PROJECT");
  upstream.on(`${FIRST_URL}acme-down/`, DOWN);
  assert.equal(await failureOf(pages.represent("acme-down", "json", "gzip")), "UPSTREAM_UNREACHABLE");
  assert.deepEqual(
    upstream.requests.filter(({ url }) => url.startsWith(SECOND_URL)).map(({ url }) => url),
    [ONE_SECOND],
  );
});

test("a name of the folder of packages is its own: no index is asked for it, and its change shows at once", async (t) => {
  const packages = packagesOf({ one: ["one-0.1.tar.gz"] });
  const { upstream, pages } = twoIndexes(t, { packages });
  upstream.on(ONE_FIRST, mine);
  upstream.on(`${FIRST_URL}two/`, page(pageJson("two", { "1.0": {} })));
  assert.deepEqual(await listed(pages, "one"), ["hit", "one-0.1.tar.gz"]);
  const { artifact } = await must(pages.find("one", "one-0.1.tar.gz", "file"));
  assert.deepEqual(artifact.source, { kind: "folder", path: "/packages/one-0.1.tar.gz", stamp: "1" });
  assert.equal(await failureOf(pages.find("one", MINE, "file")), "NO_SUCH_FILE");
  assert.equal((await must(pages.explain("one"))).index.because, "packages");
  assert.equal(upstream.requests.length, 0);
  await listed(pages, "two");
  const changed = packagesOf({ one: ["one-0.2.tar.gz"], two: ["two-0.1.tar.gz"] });
  Object.assign(packages, { ...changed, revision: 2 });
  for (const name of ["one", "two"]) assert.equal(pages.prepared(name, "json", "identity"), null);
  assert.equal(pages.found("one", "one-0.1.tar.gz", "file"), null);
  assert.deepEqual(await listed(pages, "one"), ["hit", "one-0.2.tar.gz"]);
  assert.deepEqual(await listed(pages, "two"), ["hit", "two-0.1.tar.gz"], "a name that became the folder's own");
  assert.equal(upstream.requests.length, 1);
});

test("offline without any index, what the cache folder holds is served", async (t) => {
  const bench = pagesBench(t);
  bench.upstream.on(ONE_FIRST, mine);
  const before = bench.open();
  await listed(before, "one");
  await before.close();
  const after = bench.open({ config: { indexes: [], upstream: { offline: true } } });
  assert.deepEqual(await listed(after, "one"), ["stale", MINE]);
});
