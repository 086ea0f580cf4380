/** POST /explain over HTTP: a lock file in, what the policy does to it out; bounded in size, number, time and memory. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ok } from "../src/base/result.ts";
import { EXPLAIN_LIMITS, explainInThread } from "../src/mirror/explain/explain-in-thread.ts";
import type { RequirementsAnswer } from "../src/mirror/explain/explain-requirements.ts";
import { PostedExplanations } from "../src/mirror/face/posted-explanations.ts";
import { LOCK_FILE_MAX_BYTES } from "../src/mirror/lockfile/lock-file.ts";
import { explained, explanation } from "./support/explanations.ts";
import { fakeCall } from "./support/fake-exchange.ts";
import { sdist, wheel } from "./support/mirror/distributions.ts";
import { PILOTLIGHT_SUBJECT } from "./support/mirror/subject.ts";
import { startUpstream } from "./support/mirror/upstream-double.ts";

const dir = mkdtempSync(join(tmpdir(), "pilotlight-explain-"));
after(() => rmSync(dir, { recursive: true, force: true }));

const never = new AbortController().signal;
const knowsAll = async (project: string) => ok(explanation(project, [explained("1.0", null)]));

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

test("a uv.lock is explained: what is hidden, by which rule, and what could be had instead", async () => {
  await using upstream = await startUpstream();
  const [kept, denied] = [wheel({ name: "demo", version: "1.0" }), wheel({ name: "demo", version: "2.0" })];
  const other = sdist("other", "3.0");
  for (const distribution of [kept, denied, other]) upstream.publish(distribution);
  const yaml = '  policy: { rules: [{ deny: demo, versions: ">=2", reason: "ticket 4711" }] }\n';
  await using mirror = await PILOTLIGHT_SUBJECT.start({ indexUrl: upstream.indexUrl, cacheDir: join(dir, "cache"), yaml });
  const lock = [
    "version = 1",
    ...[denied, other].flatMap(({ project, version, filename, sha256 }) => [
      "[[package]]",
      `name = "${project}"`,
      `version = "${version}"`,
      `source = { registry = "${upstream.indexUrl}" }`,
      `wheels = [{ url = "${upstream.origin}/files/${filename}", hash = "sha256:${sha256}" }]`,
    ]),
  ].join("\n");
  // As curl --data-binary sends it.
  const response = await fetch(`${mirror.origin}/explain`, {
    method: "POST",
    body: lock,
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type")!, /^application\/json/);
  const { format, counts, requirements } = (await response.json()) as RequirementsAnswer;
  assert.equal(format, "uv.lock");
  assert.deepEqual([counts.hidden, counts.allowed], [1, 1]);
  const [demo] = requirements;
  assert.deepEqual([demo!.hidden[0]!.filename, demo!.hidden[0]!.reason, demo!.newestAllowed], [denied.filename, "ticket 4711", "1.0"]);

  const refused = await fetch(`${mirror.origin}/explain`, { method: "POST", body: "[[package]]\nname = ]" });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /"BAD_REQUIREMENTS","message":"Cannot read the requirements: /);
  for (const [body, message] of [
    ["", "the body is empty; send uv.lock, pylock.toml or requirements"],
    ['[project]\nname = "demo"\n', "this looks like pyproject.toml; send uv.lock, pylock.toml or requirements"],
  ] as const) {
    const answer = await fetch(`${mirror.origin}/explain`, { method: "POST", body });
    assert.equal(answer.status, 400);
    assert.ok((await answer.text()).includes(`Cannot read the requirements: ${message}`));
  }
});

test("a lock file above the limit is refused, told or found", async () => {
  const posted = new PostedExplanations(knowsAll);
  const large = new Uint8Array(LOCK_FILE_MAX_BYTES + 1);
  for (const chunkBytes of [undefined, 1_000_000]) {
    const { call, answer } = fakeCall({ method: "POST", body: large, ...(chunkBytes === undefined ? {} : { chunkBytes }) });
    await posted.answer(call.exchange);
    assert.equal((await answer).status, 413);
  }
});

test("those above the number that may be under way are told to come again, and places are given back", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const posted = new PostedExplanations(async (project) => promise.then(() => knowsAll(project)), { underWayMax: 2, atOnceMax: 1 });
  const post = () => {
    const { call, answer } = fakeCall({ method: "POST", body: "demo==1.0" });
    return { settled: posted.answer(call.exchange), answer };
  };
  const [first, second, third] = [post(), post(), post()];
  assert.equal((await third.answer).status, 503);
  assert.equal((await third.answer).headers.get("retry-after"), "1");
  resolve();
  assert.deepEqual([(await first.answer).status, (await second.answer).status], [200, 200]);
  await Promise.all([first.settled, second.settled]);
  assert.equal((await post().answer).status, 200);
});

test("a client that leaves takes its explanation with it", async () => {
  const asked = Promise.withResolvers<void>();
  const posted = new PostedExplanations(
    () => {
      asked.resolve();
      return new Promise(() => {});
    },
    { underWayMax: 1, atOnceMax: 1 },
  );
  const { call, abort } = fakeCall({ method: "POST", body: "demo==1.0" });
  const settled = posted.answer(call.exchange);
  await asked.promise;
  abort();
  await settled;
});

test("an explanation that takes too much memory or time is ended, and says so", async () => {
  const tables = `version = 1\nx = [${"{},".repeat(1_000_000)}]\n`;
  const large = await explainInThread({ lockFile: bytesOf(tables), nameHint: "uv.lock" }, knowsAll, never, {
    ...EXPLAIN_LIMITS,
    heapMaxMib: 16,
  });
  assert.deepEqual(large, { kind: "unreadable", reason: "it takes more than 16 MiB of memory to explain" });
  const slow = await explainInThread({ lockFile: bytesOf("demo==1"), nameHint: null }, () => new Promise(() => {}), never, {
    ...EXPLAIN_LIMITS,
    activeMaxMs: 0,
  });
  assert.deepEqual(slow, { kind: "unreadable", reason: "it takes more than 0 s of processor time to explain" });
});

test("the largest lock file is explained within the limits", async () => {
  const file = `{ url = "https://files.example/demo-1.0-py3-none-any.whl", hash = "sha256:${"a".repeat(64)}", size = 1 },\n`;
  const head = `version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\nsource = { registry = "https://index.example/simple" }\nwheels = [\n`;
  const lock = `${head}${file.repeat(Math.floor((LOCK_FILE_MAX_BYTES - head.length - 2) / file.length))}]\n`;
  const { kind } = await explainInThread({ lockFile: bytesOf(lock), nameHint: "uv.lock" }, knowsAll, never);
  assert.equal(kind, "answer");
});
