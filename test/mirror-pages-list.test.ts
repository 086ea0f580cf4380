/** The list of all projects: merged from indexes, kept through restarts, and remade in a process while the loop goes on. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { test } from "node:test";
import * as zlib from "node:zlib";
import type { Represented } from "../src/mirror/pages/pages.ts";
import {
  DOWN,
  FIRST_URL,
  failureOf,
  indexConfig,
  JSON_TYPE,
  must,
  packagesOf,
  pagesBench,
  type ScriptedAnswer,
  SECOND_URL,
  STALE_IF_ERROR_MS,
  TTL_MS,
} from "./support/mirror-pages.ts";

const MIB = 1024 * 1024;
const NAME_COUNT = 600_000;
const indexes = [indexConfig("private", FIRST_URL), indexConfig("public", SECOND_URL)];

function list(names: readonly string[], etag: string | null = null): ScriptedAnswer {
  const projects = names.map((name) => ({ name }));
  const body = JSON.stringify({ meta: { "api-version": "1.4", "_last-serial": 7 }, projects });
  return { body, headers: { "content-type": JSON_TYPE, ...(etag === null ? {} : { etag }) } };
}

/** In the portions of a socket, with turns of the loop between them. */
async function* fromSocket(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    yield bytes.subarray(at, at + 65_536);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function namesOf({ representation }: Represented): string[] {
  const { projects } = JSON.parse(Buffer.from(representation.bytes).toString()) as { projects: { name: string }[] };
  return projects.map(({ name }) => name);
}

test("the lists of all indexes and the folder's names are one list, in which the first spelling of a name counts", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(FIRST_URL, list(["Acme_Core", "numpy"]));
  const html = '<html><body><a href="/simple/acme-core/">acme-core</a><a href="/simple/zope-interface/">zope.interface</a></body></html>';
  upstream.on(SECOND_URL, { body: html, headers: { "content-type": "text/html" } });
  const pages = open({ config: { indexes }, packages: packagesOf({ "my-own": ["my_own-1.0.tar.gz"] }) });
  const first = await must(pages.represent("", "json", "identity"));
  assert.deepEqual([first.outcome, ...namesOf(first)], ["miss", "my-own", "Acme_Core", "numpy", "zope.interface"]);
  const { representation } = await must(pages.represent("", "text-html", "gzip"));
  assert.match(zlib.gunzipSync(representation.bytes).toString(), /<a href="zope-interface\/">zope\.interface<\/a>/);
  assert.match(representation.headerLines, /^content-type: text\/html; charset=utf-8\r\n.*content-encoding: gzip\r\n$/s);
  assert.equal(pages.prepared("", "text-html", "gzip")?.bytes, representation.bytes);
  assert.equal(upstream.requests.length, 2);
  assert.equal(pages.totals.projectCount, 0);
});

test("clients of several forms at once are one question to each index", async (t) => {
  const { upstream, open, counters } = pagesBench(t);
  upstream.on(FIRST_URL, list(["one"]));
  upstream.on(SECOND_URL, list(["two"]));
  const pages = open({ config: { indexes } });
  const forms = [
    ["json", "gzip"],
    ["json", "br"],
    ["html", "zstd"],
    ["json", "gzip"],
  ] as const;
  const tags = await Promise.all(
    forms.map(async ([format, coding]) => (await must(pages.represent("", format, coding))).representation.etag),
  );
  assert.equal(new Set(tags).size, 3);
  assert.equal(upstream.requests.length, 2);
  assert.equal(counters.byKind.list.upstreamRequests, 2);
});

test("after a restart the list is there while the indexes are down, in forms that were made and in others", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(FIRST_URL, list(["one", "two"], '"v1"'));
  const before = open();
  const { representation } = await must(before.represent("", "json", "gzip"));
  await before.close();
  upstream.failure = DOWN;
  const after = open();
  const again = await must(after.represent("", "json", "gzip"));
  assert.deepEqual([again.outcome, again.representation.etag], ["hit", representation.etag]);
  assert.deepEqual(namesOf(await must(after.represent("", "json", "identity"))), ["one", "two"]);
  assert.equal(upstream.requests.length, 1);
  clock.nowMs += TTL_MS;
  assert.equal((await must(after.represent("", "json", "gzip"))).outcome, "stale");
  clock.nowMs += STALE_IF_ERROR_MS + 1;
  assert.equal(await failureOf(after.represent("", "json", "gzip")), "UPSTREAM_UNREACHABLE");
  upstream.failure = null;
  upstream.on(FIRST_URL, ({ headers }) => (headers["if-none-match"] === '"v1"' ? { status: 304 } : list(["late"])));
  const confirmed = await must(after.represent("", "json", "gzip"));
  assert.deepEqual([confirmed.outcome, confirmed.representation.etag], ["revalidated", representation.etag]);
});

test("a list that changed has another tag, and one of the folder's names is in it at once", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(FIRST_URL, list(["one"]));
  const packages = packagesOf({});
  const pages = open({ packages });
  assert.deepEqual(namesOf(await must(pages.represent("", "json", "identity"))), ["one"]);
  Object.assign(packages, packagesOf({ mine: [] }), { revision: 2 });
  const withMine = await must(pages.represent("", "json", "identity"));
  assert.deepEqual([withMine.outcome, ...namesOf(withMine)], ["hit", "mine", "one"]);
  clock.nowMs += TTL_MS;
  upstream.on(FIRST_URL, list(["one", "two"]));
  const changed = await must(pages.represent("", "json", "identity"));
  assert.deepEqual([changed.outcome, ...namesOf(changed)], ["miss", "mine", "one", "two"]);
  assert.notEqual(changed.representation.etag, withMine.representation.etag);
});

test("an index without a list adds none; one that fails unheard makes the list fail, because names would be missing", async (t) => {
  const { upstream, open, clock, counters } = pagesBench(t);
  upstream.on(SECOND_URL, list(["one"]));
  const pages = open({ config: { indexes } });
  assert.deepEqual(namesOf(await must(pages.represent("", "json", "identity"))), ["one"]);
  upstream.on(FIRST_URL, DOWN);
  clock.nowMs += TTL_MS + STALE_IF_ERROR_MS;
  assert.equal(await failureOf(pages.represent("", "json", "identity")), "UPSTREAM_UNREACHABLE");
  assert.equal(counters.byKind.list.failed, 1);
  upstream.remove(FIRST_URL);
  upstream.remove(SECOND_URL);
  assert.equal(await failureOf(pages.represent("", "json", "identity")), "UPSTREAM_MALFORMED", "no list anywhere is not an empty list");
});

test("a list that can't be read leaves the one that is kept", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(FIRST_URL, list(["one"]));
  const pages = open();
  await must(pages.represent("", "json", "identity"));
  upstream.on(FIRST_URL, { body: "{", headers: { "content-type": JSON_TYPE } });
  clock.nowMs += TTL_MS;
  const stale = await must(pages.represent("", "json", "identity"));
  assert.deepEqual([stale.outcome, ...namesOf(stale)], ["stale", "one"]);
});

test("a list that can't be read is a failure where none is kept", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(FIRST_URL, { body: "{", headers: { "content-type": JSON_TYPE } });
  assert.equal(await failureOf(open().represent("", "json", "identity")), "UPSTREAM_MALFORMED");
});

test("the list that was forgotten is asked for anew", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(FIRST_URL, list(["one"], '"v1"'));
  const pages = open();
  assert.equal(await pages.forget(""), false);
  await must(pages.represent("", "json", "gzip"));
  assert.equal(await pages.forget(""), true);
  assert.equal(pages.prepared("", "json", "gzip"), null);
  assert.equal((await must(pages.represent("", "json", "gzip"))).outcome, "miss");
  assert.equal(upstream.requests.at(-1)!.headers["if-none-match"], undefined);
});

test("offline the list is what is kept, or said to be missing", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(FIRST_URL, list(["one"]));
  const online = open();
  await must(online.represent("", "json", "identity"));
  await online.close();
  clock.nowMs += 10 * STALE_IF_ERROR_MS;
  const offline = open({ config: { upstream: { offline: true } } });
  const kept = await must(offline.represent("", "json", "identity"));
  assert.deepEqual([kept.outcome, ...namesOf(kept)], ["stale", "one"]);
  await offline.forget("");
  const elsewhere = open({ config: { indexes: [indexConfig("other", SECOND_URL)], upstream: { offline: true } } });
  assert.equal(await failureOf(elsewhere.represent("", "json", "identity")), "OFFLINE");
  assert.equal(upstream.requests.length, 1);
});

test("a process that is killed while it makes the list fails whoever waits, clearly, and the next request has another", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(FIRST_URL, list(["one"]));
  const pages = open();
  const kill = (message: unknown) =>
    (message as { process: ChildProcess }).process.once("spawn", function (this: ChildProcess) {
      this.kill("SIGKILL");
    });
  subscribe("child_process", kill);
  const lost = await pages.represent("", "json", "identity");
  unsubscribe("child_process", kill);
  assert.ok(!lost.ok && lost.failure.code === "STORAGE_FAILED" && /was lost: it ended with SIGKILL/.test(lost.failure.message));
  assert.deepEqual(namesOf(await must(pages.represent("", "json", "identity"))), ["one"]);
});

test("a list of 600,000 projects passes through its process whole, and the loop goes on", async (t) => {
  const { upstream, open } = pagesBench(t);
  const names = Array.from({ length: NAME_COUNT }, (_, index) => `Project_${index.toString(36)}.${(index * 7919).toString(36)}`);
  const { body, headers } = list(names);
  const bytes = Buffer.from(body as string);
  upstream.on(FIRST_URL, () => ({ headers, body: fromSocket(bytes) }));
  const pages = open();
  const beforeBytes = process.memoryUsage.rss();
  const hold = watchLoop();
  const first = await must(pages.represent("", "json", "gzip"));
  t.diagnostic(`the loop worked for at most ${hold.endMs().toFixed(1)} ms at a time while the list was made`);
  t.diagnostic(`${Math.round((process.memoryUsage.rss() - beforeBytes) / MIB)} MiB more in this process right after it`);
  const text = zlib.gunzipSync(first.representation.bytes).toString();
  const { projects, meta } = JSON.parse(text) as { projects: { name: string }[]; meta: Record<string, unknown> };
  assert.deepEqual(meta, { "api-version": "1.4", "_last-serial": 7 });
  assert.equal(projects.length, NAME_COUNT);
  assert.ok(projects.every(({ name }, index) => name === names[index]));
  const identity = await must(pages.represent("", "json", "identity"));
  assert.equal(identity.representation.bytes.length, Buffer.byteLength(text));
});

/** CPU time of this thread between two ticks: what others on the machine do doesn't count. */
function watchLoop(): { endMs(): number } {
  let [lastUs, mostUs] = [threadCpuUs(), 0];
  const timer = setInterval(() => {
    const nowUs = threadCpuUs();
    mostUs = Math.max(mostUs, nowUs - lastUs);
    lastUs = nowUs;
  }, 1);
  return {
    endMs() {
      clearInterval(timer);
      return mostUs / 1_000;
    },
  };
}

function threadCpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}
