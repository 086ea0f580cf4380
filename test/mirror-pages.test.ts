/** The mirror's pages: what comes of an index's page, how long it stands, and who is asked again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import type { PageCoding, Representation } from "../src/mirror/pages/pages.ts";
import type { PageFormat } from "../src/mirror/simple/format.ts";
import {
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
  STALE_IF_ERROR_MS,
  TTL_MS,
  taggedPage,
} from "./support/mirror-pages.ts";

const ONE = `${FIRST_URL}one/`;
const ONE_PAGE = pageJson("one", { "1.0": {}, "2.0": {} });

const DECODE: Readonly<Record<PageCoding, (bytes: Uint8Array) => Buffer>> = {
  identity: (bytes) => Buffer.from(bytes),
  gzip: zlib.gunzipSync,
  br: zlib.brotliDecompressSync,
  zstd: zlib.zstdDecompressSync,
};

test("a page is given in every format and coding, each with a strong tag of its own, and is then ready without waiting", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const pages = open();
  const texts: Record<PageFormat, Set<string>> = { json: new Set(), html: new Set(), "text-html": new Set() };
  const tags = new Set<string>();
  for (const format of ["json", "html", "text-html"] as const) {
    for (const coding of ["identity", "gzip", "br", "zstd"] as const) {
      const { representation } = await must(pages.represent("one", format, coding));
      assert.match(representation.etag, /^"[\w-]+"$/);
      tags.add(representation.etag);
      texts[format].add(DECODE[coding](representation.bytes).toString());
      const ready = pages.prepared("one", format, coding);
      assert.equal(ready?.bytes, representation.bytes);
      assert.equal(ready?.headerLines, representation.headerLines);
    }
  }
  assert.equal(tags.size, 12);
  assert.deepEqual(
    Object.values(texts).map(({ size }) => size),
    [1, 1, 1],
  );
  assert.deepEqual([...texts.html], [...texts["text-html"]]);
  assert.match([...texts.html][0]!, /href="one-1\.0\.tar\.gz#sha256=abab/);
  assert.equal(upstream.count(ONE), 1);
  assert.deepEqual(pages.totals, { preparedCount: 8, preparedBytes: pages.totals.preparedBytes, projectCount: 1 });
});

test("the header lines are those of the format and the coding, and a 304 repeats the validators", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const { representation } = await must(open().represent("one", "json", "gzip"));
  const { etag } = representation;
  const validators = `vary: Accept, Accept-Encoding\r\netag: ${etag}\r\ncache-control: no-cache\r\n`;
  assert.equal(representation.validatorLines, validators);
  assert.equal(representation.headerLines, `content-type: application/vnd.pypi.simple.v1+json\r\n${validators}content-encoding: gzip\r\n`);
});

test("the index is asked for JSON first and coded, and its answer is counted", async (t) => {
  const { upstream, open, counters, fetched } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  await must(open().represent("one", "html", "br"));
  assert.equal(upstream.requests[0]!.index, "index-1");
  assert.deepEqual(upstream.requests[0]!.headers, {
    accept: "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1",
    "accept-encoding": "br, zstd, gzip",
  });
  const { upstreamRequests, receivedBytes, failed } = counters.byKind.page;
  assert.deepEqual([upstreamRequests, receivedBytes, failed], [1, Buffer.byteLength(ONE_PAGE), 0]);
  assert.deepEqual(fetched, ["one"]);
});

test("fifty clients of a page that nobody had are one request, in whichever formats they ask", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const pages = open();
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => must(pages.represent("one", index % 2 === 0 ? "json" : "html", "gzip"))),
  );
  assert.equal(upstream.requests.length, 1);
  assert.deepEqual([...new Set(answers.map(({ outcome }) => outcome))], ["miss"]);
  assert.equal(new Set(answers.map(({ representation }) => representation.etag)).size, 2);
});

test("within its TTL a page is a hit, after it the index confirms it, and what had been made of it stays", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, taggedPage(ONE_PAGE, '"v1"'));
  const pages = open();
  const first = (await must(pages.represent("one", "json", "gzip"))).representation;
  clock.nowMs += TTL_MS - 1;
  assert.equal(pages.prepared("one", "json", "gzip"), null, "RESPONSE_CACHE_TTL is over");
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "hit");
  assert.equal(upstream.count(ONE), 1);
  assert.notEqual(pages.prepared("one", "json", "gzip"), null);
  clock.nowMs += 1;
  assert.equal(pages.prepared("one", "json", "gzip"), null, "no form outlives its page's freshness");
  const confirmed = await must(pages.represent("one", "json", "gzip"));
  assert.equal(confirmed.outcome, "revalidated");
  assert.equal(confirmed.representation.bytes, first.bytes);
  assert.equal(upstream.requests[1]!.headers["if-none-match"], '"v1"');
  clock.nowMs += TTL_MS - 1;
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "hit");
});

test("a page that changed has new forms and a new tag", async (t) => {
  const { upstream, open, clock, fetched } = pagesBench(t);
  upstream.on(ONE, taggedPage(ONE_PAGE, '"v1"'));
  const pages = open();
  const first = (await must(pages.represent("one", "json", "identity"))).representation;
  upstream.on(ONE, taggedPage(pageJson("one", { "1.0": {}, "3.0": {} }), '"v2"'));
  clock.nowMs += TTL_MS;
  assert.deepEqual(await listed(pages, "one"), ["miss", fileName("one", "1.0"), fileName("one", "3.0")]);
  assert.notEqual(pages.prepared("one", "json", "identity")?.etag, first.etag);
  assert.deepEqual(fetched, ["one", "one"]);
});

test("the same page sent anew has the same tag, and nobody needs to prefetch it", async (t) => {
  const { upstream, open, clock, fetched } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const pages = open();
  const first = (await must(pages.represent("one", "json", "gzip"))).representation;
  clock.nowMs += TTL_MS;
  const again = await must(pages.represent("one", "json", "gzip"));
  assert.deepEqual([again.outcome, again.representation.etag], ["miss", first.etag]);
  assert.deepEqual(fetched, ["one"]);
});

test("with a TTL of 0 the index is asked every time, and nothing is ready without a question", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, taggedPage(ONE_PAGE, '"v1"'));
  const pages = open({ config: { indexes: [indexConfig("index-1", FIRST_URL, 0)] } });
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
  assert.equal(pages.prepared("one", "json", "gzip"), null);
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "revalidated");
  assert.equal(upstream.count(ONE), 2);
});

test("while the index is down a page answers stale, until staleIfErrorMs is over", async (t) => {
  const { upstream, open, clock, counters } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const pages = open();
  await must(pages.represent("one", "json", "gzip"));
  upstream.failure = DOWN;
  clock.nowMs += TTL_MS;
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "stale");
  assert.equal(pages.prepared("one", "json", "gzip"), null, "a stale answer must be told as such");
  const asked = upstream.count(ONE);
  for (let again = 0; again < 20; again++) await must(pages.represent("one", "json", "gzip"));
  assert.equal(upstream.count(ONE), asked, "it is not asked again at once");
  clock.nowMs += 10_000;
  await must(pages.represent("one", "json", "gzip"));
  assert.equal(upstream.count(ONE), asked + 1);
  clock.nowMs += STALE_IF_ERROR_MS;
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_UNREACHABLE");
  assert.equal(counters.byKind.page.failed, 1);
  upstream.failure = null;
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
});

test("a project without a copy is asked for each time while its index fails, and the failure is told", async (t) => {
  const { upstream, open, counters } = pagesBench(t);
  upstream.failure = DOWN;
  const pages = open();
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "UPSTREAM_UNREACHABLE");
  assert.equal(await failureOf(pages.find("one", fileName("one", "1.0"), "file")), "UPSTREAM_UNREACHABLE");
  assert.equal(await failureOf(pages.explain("one")), "UPSTREAM_UNREACHABLE");
  assert.equal(upstream.count(ONE), 3);
  assert.deepEqual([counters.byKind.page.failed, counters.byKind.file.failed], [1, 1]);
});

test("that there is no such project is believed for its time, then asked again", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  const pages = open();
  assert.equal(await failureOf(pages.represent("one", "json", "gzip")), "NO_SUCH_PROJECT");
  assert.equal(await failureOf(pages.find("one", "one-1.0.tar.gz", "file")), "NO_SUCH_PROJECT");
  clock.nowMs += NEGATIVE_TTL_MS - 1;
  assert.equal(await failureOf(pages.represent("one", "html", "br")), "NO_SUCH_PROJECT");
  assert.equal(upstream.count(ONE), 1);
  clock.nowMs += 1;
  upstream.on(ONE, page(ONE_PAGE));
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
});

test("offline nobody is asked: what is kept is served at any age, what isn't is said to be missing", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const online = open();
  await must(online.represent("one", "json", "gzip"));
  await online.close();
  const offline = open({ config: { upstream: { offline: true } } });
  assert.equal((await must(offline.represent("one", "json", "gzip"))).outcome, "hit");
  clock.nowMs += 10 * STALE_IF_ERROR_MS;
  assert.equal((await must(offline.represent("one", "json", "gzip"))).outcome, "stale");
  assert.equal((await must(offline.find("one", fileName("one", "1.0"), "file"))).artifact.filename, fileName("one", "1.0"));
  assert.equal(await failureOf(offline.represent("two", "json", "gzip")), "OFFLINE");
  assert.equal(await failureOf(offline.find("two", "two-1.0.tar.gz", "file")), "OFFLINE");
  assert.equal(upstream.requests.length, 1);
});

test("after a restart pages are there while the index is down, with the tags they had", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, taggedPage(ONE_PAGE, '"v1"'));
  const before = open();
  const { representation } = await must(before.represent("one", "json", "gzip"));
  assert.equal(await failureOf(before.represent("none", "json", "gzip")), "NO_SUCH_PROJECT");
  await before.close();
  assert.equal(await failureOf(before.represent("one", "json", "gzip")), "STOPPING");
  upstream.failure = DOWN;
  const after = open();
  const again = await must(after.represent("one", "json", "gzip"));
  assert.deepEqual([again.outcome, again.representation.etag], ["hit", representation.etag]);
  assert.equal(await failureOf(after.represent("none", "json", "gzip")), "NO_SUCH_PROJECT");
  assert.equal(after.totals.projectCount, 1);
  assert.equal(upstream.requests.length, 2);
  clock.nowMs += TTL_MS;
  assert.equal((await must(after.represent("one", "json", "gzip"))).outcome, "stale");
  upstream.failure = null;
  clock.nowMs += 10_000;
  assert.equal((await must(after.represent("one", "json", "gzip"))).outcome, "revalidated");
});

test("a clock that is put back a year freezes no page: it is looked at again at once", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(ONE_PAGE));
  const pages = open();
  await must(pages.represent("one", "json", "gzip"));
  clock.nowMs -= 365 * 86_400_000;
  assert.equal(pages.prepared("one", "json", "gzip"), null);
  upstream.on(ONE, page(pageJson("one", { "9.0": {} })));
  assert.deepEqual(await listed(pages, "one"), ["miss", fileName("one", "9.0")]);
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "hit");
});

test("a page that was forgotten is fetched anew without its validators, and its files with it", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, taggedPage(ONE_PAGE, '"v1"'));
  const pages = open();
  assert.equal(await pages.forget("one"), false);
  await must(pages.represent("one", "json", "gzip"));
  assert.equal(await pages.forget("one"), true);
  assert.equal(pages.prepared("one", "json", "gzip"), null);
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "miss");
  assert.equal(upstream.requests.at(-1)!.headers["if-none-match"], undefined);
  await pages.forget("one");
  await must(pages.find("one", fileName("one", "1.0"), "file"));
  assert.equal(upstream.count(ONE), 3);
  await pages.forget("one");
  upstream.failure = DOWN;
  assert.equal((await must(pages.represent("one", "json", "gzip"))).outcome, "stale", "it still answers while the index is down");
});

test("what is forgotten while it is being fetched is fetched once more by the next", async (t) => {
  const { upstream, open } = pagesBench(t);
  const gate = Promise.withResolvers<void>();
  upstream.on(ONE, async () => {
    await gate.promise;
    return page(ONE_PAGE);
  });
  const pages = open();
  const early = must(pages.represent("one", "json", "gzip"));
  while (upstream.count(ONE) === 0) await new Promise((resolve) => setImmediate(resolve));
  const forgotten = pages.forget("one");
  gate.resolve();
  await early;
  assert.equal(await forgotten, true);
  assert.equal(pages.prepared("one", "json", "gzip"), null);
  await must(pages.represent("one", "json", "gzip"));
  assert.equal(upstream.count(ONE), 2);
});

test("relative links count from where redirects led", async (t) => {
  const { upstream, open } = pagesBench(t);
  const moved = "https://elsewhere.index.example/pypi/one/";
  upstream.on(ONE, { ...page(pageJson("one", { "1.0": { url: "../../files/one-1.0.tar.gz" } })), url: moved });
  const { artifact } = await must(open().find("one", fileName("one", "1.0"), "file"));
  assert.deepEqual(artifact.source, { kind: "index", index: "index-1", url: "https://elsewhere.index.example/files/one-1.0.tar.gz" });
});

test("representations of many pages stay within their bound", async (t) => {
  const { upstream, open } = pagesBench(t);
  const names = Array.from({ length: 20 }, (_, index) => `project-${index}`);
  for (const name of names) upstream.on(`${FIRST_URL}${name}/`, page(pageJson(name, { "1.0": {} })));
  const pages = open({ config: { responseCacheMaxBytes: 10_000 } });
  for (const name of names) await must(pages.represent(name, "json", "identity"));
  const { preparedBytes, preparedCount } = pages.totals;
  assert.ok(preparedBytes <= 10_000 && preparedCount >= 2, `${preparedCount} forms of ${preparedBytes} bytes`);
  const ready = (name: string): Representation | null => pages.prepared(name, "json", "identity");
  assert.notEqual(ready("project-19"), null);
  assert.equal(ready("project-0"), null);
});
