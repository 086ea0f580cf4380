/** Files of a project: where they lie, what the policy withholds and until when, and how little upstream is asked for them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../src/base/units.ts";
import type { PolicyConfig } from "../src/config/mirror-config.ts";
import type { ArtifactKind } from "../src/mirror/artifact.ts";
import {
  DOWN,
  FIRST_URL,
  failureOf,
  fileName,
  indexConfig,
  listed,
  must,
  page,
  pageJson,
  pagesBench,
  STALE_IF_ERROR_MS,
  START_MS,
  TTL_MS,
} from "./support/mirror-pages.ts";

const ONE = `${FIRST_URL}one/`;
const [OLD, YOUNG] = [fileName("one", "1.0"), fileName("one", "2.0")];
const cooldown: PolicyConfig = { mode: "enforce", rules: [], cooldownMs: DAY_MS, cooldownExempt: [] };

function at(ms: number): string {
  return new Date(ms).toISOString();
}

test("each kind of artifact lies where the page says, and one that it denies isn't looked for", async (t) => {
  const { upstream, open } = pagesBench(t);
  const url = "https://files.index.example/a/one-1.0.tar.gz?token=x";
  upstream.on(ONE, page(pageJson("one", { "1.0": { metadata: true, url }, "2.0": {} })));
  const pages = open();
  const found = async (filename: string, kind: ArtifactKind) => (await must(pages.find("one", filename, kind))).artifact;
  assert.deepEqual(await found(OLD, "file"), {
    kind: "file",
    project: "one",
    filename: OLD,
    source: { kind: "index", index: "index-1", url },
    hashes: { sha256: "ab".repeat(32) },
    sizeBytes: null,
  });
  const metadata = await found(OLD, "metadata");
  assert.equal(metadata.filename, `${OLD}.metadata`);
  assert.deepEqual(metadata.source, {
    kind: "index",
    index: "index-1",
    url: "https://files.index.example/a/one-1.0.tar.gz.metadata?token=x",
  });
  assert.deepEqual(metadata.hashes, { sha256: "cd".repeat(32) });
  // The page doesn't say whether there is a signature: upstream will.
  assert.equal((await found(OLD, "signature")).filename, `${OLD}.asc`);
  assert.equal(await failureOf(pages.find("one", YOUNG, "metadata")), "NO_SUCH_FILE");
  assert.equal(await failureOf(pages.find("one", OLD, "provenance")), "NO_SUCH_FILE");
  assert.equal(await failureOf(pages.find("one", "one-9.9.tar.gz", "file")), "NO_SUCH_FILE");
  assert.equal(upstream.count(ONE), 1);
});

test("a file that is listed under the name of another's signature or metadata is that file", async (t) => {
  const { upstream, open } = pagesBench(t);
  const listing = JSON.parse(pageJson("one", { "1.0": { metadata: true } })) as { files: object[] };
  const named = (suffix: string): object => ({
    filename: `${OLD}${suffix}`,
    url: `https://files.index.example/elsewhere/${OLD}${suffix}`,
    hashes: { sha256: "ef".repeat(32) },
    "upload-time": at(START_MS),
  });
  upstream.on(ONE, page(JSON.stringify({ ...listing, files: [...listing.files, named(".asc"), named(".metadata")] })));
  const pages = open();
  for (const [kind, suffix] of [
    ["signature", ".asc"],
    ["metadata", ".metadata"],
  ] as const) {
    const found = await must(pages.find("one", OLD, kind));
    assert.deepEqual(found.artifact, {
      kind: "file",
      project: "one",
      filename: `${OLD}${suffix}`,
      source: { kind: "index", index: "index-1", url: `https://files.index.example/elsewhere/${OLD}${suffix}` },
      hashes: { sha256: "ef".repeat(32) },
      sizeBytes: null,
    });
    assert.equal(pages.found("one", OLD, kind), found);
  }
  const { artifact } = await must(pages.find("one", OLD, "file"));
  assert.deepEqual([artifact.filename, artifact.hashes["sha256"]], [OLD, "ab".repeat(32)]);
  assert.equal((await must(pages.find("one", `${OLD}.asc`, "signature"))).artifact.filename, `${OLD}.asc.asc`);
  // It is judged as the file that it is.
  await pages.close();
  const strict = open({ config: { policy: cooldown } });
  assert.equal((await must(strict.find("one", OLD, "signature"))).hiddenBy?.kind, "cooldown");
});

test("a file that was found once is known at once", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {} })));
  const pages = open();
  assert.equal(pages.found("one", OLD, "file"), null);
  const found = await must(pages.find("one", OLD, "file"));
  assert.equal(pages.found("one", OLD, "file"), found);
  assert.equal(pages.found("one", OLD, "metadata"), null);
});

test("a listed file stays to be had while the index is down, however old its page", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {} })));
  const before = open();
  await must(before.represent("one", "json", "gzip"));
  await before.close();
  upstream.failure = DOWN;
  clock.nowMs += 100 * STALE_IF_ERROR_MS;
  const pages = open();
  assert.equal((await must(pages.find("one", OLD, "file"))).artifact.filename, OLD);
  assert.equal(upstream.count(ONE), 1);
  assert.equal(await failureOf(pages.find("one", YOUNG, "file")), "UPSTREAM_UNREACHABLE");
});

test("a file that a page past its TTL doesn't list is looked for upstream", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {} })));
  const pages = open();
  await must(pages.represent("one", "json", "gzip"));
  upstream.on(ONE, page(pageJson("one", { "1.0": {}, "2.0": {} })));
  assert.equal(await failureOf(pages.find("one", YOUNG, "file")), "NO_SUCH_FILE");
  clock.nowMs += TTL_MS;
  assert.equal((await must(pages.find("one", YOUNG, "file"))).artifact.filename, YOUNG);
  assert.equal(upstream.count(ONE), 2);
});

test("a thousand names of files that don't exist are one request, even with a TTL of 0", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {} })));
  const pages = open({ config: { indexes: [indexConfig("index-1", FIRST_URL, 0)] } });
  for (let file = 0; file < 1_000; file++) {
    assert.equal(await failureOf(pages.find("one", `one-${file}.zip`, "file")), "NO_SUCH_FILE");
  }
  assert.equal(upstream.count(ONE), 1);
  clock.nowMs += 10_000;
  assert.equal(await failureOf(pages.find("one", "one-3.zip", "file")), "NO_SUCH_FILE");
  assert.equal(upstream.count(ONE), 2);
});

test("a file leaves its cool-down at the moment it should: on the listing, and by its address", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  const young = START_MS - DAY_MS + 2 * MINUTE_MS;
  upstream.on(
    ONE,
    page(pageJson("one", { "1.0": { uploadTime: at(START_MS - 9 * DAY_MS) }, "2.0": { uploadTime: at(young), metadata: true } })),
  );
  const pages = open({ config: { policy: cooldown } });
  assert.deepEqual(await listed(pages, "one"), ["miss", OLD]);
  for (const kind of ["file", "metadata"] as const) {
    const { hiddenBy } = await must(pages.find("one", YOUNG, kind));
    assert.deepEqual([hiddenBy?.kind, hiddenBy?.untilMs], ["cooldown", START_MS + 2 * MINUTE_MS]);
  }
  clock.nowMs += 2 * MINUTE_MS - 1;
  assert.notEqual(pages.prepared("one", "json", "identity"), null);
  assert.deepEqual(await listed(pages, "one"), ["hit", OLD]);
  clock.nowMs += 1;
  assert.equal(pages.prepared("one", "json", "identity"), null);
  assert.equal(pages.found("one", YOUNG, "file"), null);
  assert.deepEqual(await listed(pages, "one"), ["hit", OLD, YOUNG]);
  assert.equal((await must(pages.find("one", YOUNG, "file"))).hiddenBy, null);
  assert.equal(upstream.count(ONE), 1);
});

test("without an upload time a cool-down hides the file for good", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {} })));
  const pages = open({ config: { policy: cooldown } });
  assert.deepEqual(await listed(pages, "one"), ["miss"]);
  clock.nowMs += 10 * MINUTE_MS;
  assert.deepEqual(await listed(pages, "one"), ["hit"]);
  assert.equal((await must(pages.find("one", OLD, "file"))).hiddenBy?.kind, "no-upload-time");
  const { artifact, hiddenBy } = await must(pages.find("one", OLD, "metadata"));
  assert.deepEqual([artifact.filename, hiddenBy?.kind], [`${OLD}.metadata`, "no-upload-time"], "also of metadata that there is none of");
});

test("in shadow mode nothing is hidden, and the explanation says what would be", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {}, "2.0": { uploadTime: at(START_MS - 9 * DAY_MS) } })));
  const pages = open({ config: { policy: { ...cooldown, mode: "shadow" } } });
  assert.deepEqual(await listed(pages, "one"), ["miss", OLD, YOUNG]);
  const { hiddenBy, wouldHide } = await must(pages.find("one", OLD, "file"));
  assert.deepEqual([hiddenBy, wouldHide?.kind], [null, "no-upload-time"]);
  assert.equal((await must(pages.find("one", YOUNG, "file"))).wouldHide, null);
  const { mode, index, fetchedAtMs, versions } = await must(pages.explain("one"));
  assert.deepEqual([mode, index, fetchedAtMs], ["shadow", { name: "index-1", because: "first" }, START_MS]);
  assert.deepEqual(
    versions.map(({ version, files }) => [version, ...files.map(({ filename, hiddenBy }) => `${filename} ${hiddenBy?.kind ?? "shown"}`)]),
    [
      ["1.0", `${OLD} no-upload-time`],
      ["2.0", `${YOUNG} shown`],
    ],
  );
});

test("a rule hides what it denies, and an explanation, a listing and an address agree", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {}, "2.0": {} })));
  const rules = [{ action: "deny", names: ["one"], versions: ">=2", reason: "it is cursed" }] as const;
  const pages = open({ config: { policy: { ...cooldown, cooldownMs: 0, rules } } });
  assert.deepEqual(await listed(pages, "one"), ["miss", OLD]);
  assert.equal((await must(pages.find("one", YOUNG, "file"))).hiddenBy?.reason, "it is cursed");
  const { versions } = await must(pages.explain("one"));
  assert.deepEqual(
    versions.map(({ files }) => files[0]!.hiddenBy?.reason ?? null),
    [null, "it is cursed"],
  );
});

test("a project that its index has quarantined keeps its page and offers no file, in shadow mode either", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {} }, "quarantined")));
  const pages = open({ config: { policy: { ...cooldown, cooldownMs: 0, mode: "shadow" } } });
  const { representation } = await must(pages.represent("one", "json", "identity"));
  const { files, "project-status": status } = JSON.parse(Buffer.from(representation.bytes).toString());
  assert.deepEqual([files, status], [[], { status: "quarantined", reason: "malware" }]);
  const { hiddenBy } = await must(pages.find("one", OLD, "file"));
  assert.deepEqual([hiddenBy?.kind, hiddenBy?.reason], ["quarantined", "malware"]);
});

test("a file that was hidden when it was found is judged anew when the page changes", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": { uploadTime: at(START_MS - HOUR_MS) } })));
  const pages = open({ config: { policy: cooldown } });
  assert.equal((await must(pages.find("one", OLD, "file"))).hiddenBy?.kind, "cooldown");
  upstream.on(ONE, page(pageJson("one", { "1.0": { uploadTime: at(START_MS - 9 * DAY_MS) } })));
  clock.nowMs += TTL_MS;
  await must(pages.represent("one", "json", "gzip"));
  assert.equal((await must(pages.find("one", OLD, "file"))).hiddenBy, null);
});

test("a page that is brought from elsewhere is known at once, whole, and under the policy of this mirror", async (t) => {
  const { upstream, open, clock } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {}, "2.0": {} })));
  const there = open({
    config: { policy: { ...cooldown, cooldownMs: 0, rules: [{ action: "deny", names: ["one"], versions: "", reason: null }] } },
  });
  assert.equal((await must(there.whole("one", false)))?.page, undefined);
  const brought = await must(there.whole("one", true));
  assert.deepEqual([brought?.index, brought?.fetchedAtMs, brought?.page.files.length], ["index-1", START_MS, 2]);
  const bench = pagesBench(t);
  bench.clock.nowMs = clock.nowMs + 100 * DAY_MS;
  const here = bench.open({ config: { indexes: [indexConfig("mine", FIRST_URL)], upstream: { offline: true } } });
  assert.equal(await failureOf(here.represent("one", "json", "gzip")), "OFFLINE");
  assert.deepEqual(await here.adopt(brought!), { ok: true, value: undefined });
  assert.deepEqual(await listed(here, "one"), ["stale", OLD, YOUNG]);
  const { artifact } = await must(here.find("one", OLD, "file"));
  assert.equal(artifact.source.kind === "index" && artifact.source.index, "index-1");
  await must(here.whole("one", false));
  await here.close();
  const bare = bench.open({ config: { indexes: [], upstream: { offline: true } } });
  assert.deepEqual(await listed(bare, "one"), ["stale", OLD, YOUNG]);
  const cautious = bench.open({ config: { indexes: [], upstream: { offline: true }, policy: cooldown } });
  assert.deepEqual(await listed(cautious, "one"), ["stale"]);
  assert.equal((await must(cautious.whole("one", false)))?.page.files.length, 2);
  assert.equal(bench.upstream.requests.length, 0);
});

test("a project that is denied whole is refused with the reason, page and files, and no index hears of it", async (t) => {
  const { upstream, open } = pagesBench(t);
  upstream.on(ONE, page(pageJson("one", { "1.0": {} })));
  const rules = [{ action: "deny", names: ["o*"], versions: "", reason: "it is cursed" }] as const;
  const pages = open({ config: { policy: { ...cooldown, cooldownMs: 0, rules } } });
  const refused = { code: "HIDDEN_BY_POLICY", project: "one", rule: "deny o*", reason: "it is cursed" };
  assert.deepEqual(await pages.represent("one", "json", "gzip"), { ok: false, failure: { ...refused, filename: null } });
  assert.deepEqual(await pages.find("one", OLD, "metadata"), { ok: false, failure: { ...refused, filename: `${OLD}.metadata` } });
  assert.deepEqual(await pages.explain("one"), { ok: false, failure: { ...refused, filename: null } });
  assert.equal(upstream.requests.length, 0);
});
