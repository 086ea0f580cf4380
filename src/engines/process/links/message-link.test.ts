/** How calls go by messages when the instance keeps its word. */
import assert from "node:assert/strict";
import test from "node:test";
import { AHEAD_MAX_BYTES } from "./message-call.ts";
import { KIND } from "./messages.ts";
import { GIVEN_UP, scriptedLink, turn } from "./testing/scripted-link.ts";

const { request, requestBody, cancel, ping, stop } = KIND;
const ANSWERED = { kind: "answered" };

test("a small request is one message, and its answer one response", async () => {
  const { wire, begin } = scriptedLink();
  const call = begin({ method: "POST", target: "/a?b=c", headers: { "X-One": "1" }, body: "hello" });
  assert.equal(wire.sent.length, 1);
  const { kind, isEnd, call: id, head, body } = wire.sent[0]!;
  assert.deepEqual([kind, isEnd, id, body], [request, true, 1, "hello"]);
  assert.equal(head, "POST /a?b=c\nhost: 127.0.0.1\nx-one: 1\nx-request-id: probe\n");
  assert.deepEqual(call.ends, []);

  wire.answer(1, "hi", "content-type: text/plain\nset-cookie: a\nset-cookie: b\n", 201);
  assert.deepEqual(call.ends, [ANSWERED]);
  const answer = await call.answer;
  assert.deepEqual([answer.status, answer.body.toString(), answer.headers.get("content-type")], [201, "hi", "text/plain"]);
});

test("calls are answered in whatever order the instance likes", async () => {
  const { wire, begin } = scriptedLink();
  const calls = [begin(), begin(), begin()];
  for (const id of [2, 3, 1]) wire.answer(id, `of ${id}`);
  const bodies = await Promise.all(calls.map(async ({ answer }) => (await answer).body.toString()));
  assert.deepEqual(bodies, ["of 1", "of 2", "of 3"]);
});

test("the wire hears how many answers are to come", () => {
  const { wire, begin } = scriptedLink();
  begin();
  begin();
  assert.equal(wire.expectedCount, 2);
  wire.answer(1);
  assert.equal(wire.expectedCount, 1);
});

test("a body that no message can hold goes in parts, the last of which says so", () => {
  const { wire, begin } = scriptedLink();
  const body = "0123456789".repeat(200);
  begin({ method: "POST", body });
  assert.ok(wire.sent.slice(1).every(({ kind, head }) => kind === requestBody && head === ""));
  assert.equal(wire.sent.map((message) => message.body).join(""), body);
  assert.deepEqual(
    wire.sent.map(({ isEnd }) => isEnd),
    wire.sent.map((_message, index) => index === wire.sent.length - 1),
  );
  assert.ok(wire.sent.length > 2000 / 256);
});

test("a body that is still arriving is passed on as it comes, and its end too", async () => {
  const { wire, begin } = scriptedLink();
  begin({ method: "PUT", body: "abcdefgh", chunkBytes: 3 });
  assert.deepEqual([wire.sent[0]!.isEnd, wire.sent[0]!.body], [false, ""]);
  while (wire.sent.at(-1)!.isEnd === false) await turn();
  assert.deepEqual(
    wire.sent.slice(1).map(({ body, isEnd }) => [body, isEnd]),
    [
      ["abc", false],
      ["def", false],
      ["gh", false],
      ["", true],
    ],
  );
});

test("an answer in parts reaches the client as it comes", async () => {
  const { wire, begin } = scriptedLink();
  const call = begin();
  wire.say(KIND.response, { call: 1, status: 200, head: "a: b\n", body: "one " });
  assert.equal(call.call.exchange.answered, true);
  assert.deepEqual(call.ends, []);
  wire.say(KIND.responseBody, { call: 1, body: "two " });
  wire.say(KIND.responseBody, { call: 1 });
  wire.say(KIND.responseBody, { call: 1, body: "three", isEnd: true });
  assert.deepEqual(call.ends, [ANSWERED]);
  assert.equal((await call.answer).body.toString(), "one two three");
});

test("an answer may come before the request's body has ended, and the rest of that stays here", async () => {
  const { wire, begin } = scriptedLink();
  const call = begin({ method: "POST", body: "x".repeat(100), chunkBytes: 1 });
  await turn();
  wire.answer(1, "enough", "", 413);
  const sentCount = wire.sent.length;
  await turn();
  await turn();
  assert.deepEqual(call.ends, [ANSWERED]);
  assert.equal(wire.sent.length, sentCount);
});

test("where the wire has no room, calls wait in line, and long bodies take turns with the others", () => {
  const { wire, begin } = scriptedLink();
  wire.roomCount = 0;
  begin({ method: "POST", body: "a".repeat(2_000) });
  begin({ body: null });
  begin({ method: "POST", body: "b".repeat(2_000) });
  assert.equal(wire.sent.length, 0);
  wire.makeRoom(5);
  assert.deepEqual(
    wire.sent.map(({ call, kind }) => [call, kind]),
    [
      [1, request],
      [2, request],
      [3, request],
      [1, requestBody],
      [3, requestBody],
    ],
  );
  wire.makeRoom();
  for (const id of [1, 3]) {
    const parts = wire.sent.filter(({ call }) => call === id);
    assert.deepEqual([parts.at(-1)!.isEnd, parts.map(({ body }) => body).join("").length], [true, 2_000]);
  }
});

test("a call that was given up before anything of it was sent leaves no trace", () => {
  const { wire, begin } = scriptedLink();
  wire.roomCount = 0;
  const call = begin();
  call.linked.abandon(GIVEN_UP);
  assert.deepEqual(call.ends, [{ kind: "failed", failure: GIVEN_UP, isSpent: false }]);
  wire.makeRoom();
  assert.deepEqual(wire.sent, []);
});

test("the instance is told of a call that was given up, and its answer is dropped", () => {
  const { link, wire, begin, broken } = scriptedLink();
  const call = begin();
  call.linked.abandon(GIVEN_UP);
  call.linked.abandon(GIVEN_UP);
  assert.deepEqual(call.ends, [{ kind: "failed", failure: GIVEN_UP, isSpent: false }]);
  assert.deepEqual(wire.kinds(), [request, cancel]);
  assert.equal(wire.sent[1]!.call, 1);
  assert.equal(link.cancelledCount, 1);
  wire.say(KIND.response, { call: 1, status: 200 });
  assert.equal(link.cancelledCount, 1);
  wire.say(KIND.responseBody, { call: 1, isEnd: true });
  assert.equal(link.cancelledCount, 0);
  assert.equal(call.call.exchange.answered, false);
  assert.deepEqual(broken, []);
});

test("of a body that was on its way when its call was given up, nothing more is sent", async () => {
  const { wire, begin } = scriptedLink();
  const call = begin({ method: "POST", body: "x".repeat(100), chunkBytes: 1 });
  await turn();
  call.linked.abandon(GIVEN_UP);
  const sentCount = wire.sent.length;
  await turn();
  assert.equal(wire.sent.length, sentCount);
  assert.equal(wire.sent.at(-1)!.kind, cancel);
});

test("an answer that streams can be given up, too", async () => {
  const { wire, begin } = scriptedLink();
  const call = begin();
  wire.say(KIND.response, { call: 1, status: 200, body: "one" });
  call.linked.abandon(GIVEN_UP);
  wire.say(KIND.responseBody, { call: 1, body: "two" });
  wire.say(KIND.responseBody, { call: 1, isEnd: true });
  assert.deepEqual(wire.kinds(), [request, cancel]);
  assert.deepEqual(call.ends, [{ kind: "failed", failure: GIVEN_UP, isSpent: false }]);
});

test("a request whose body breaks off is called off", async () => {
  const { wire, begin } = scriptedLink();
  const call = begin({ method: "POST", body: "abc", chunkBytes: 1, bodyFails: "BODY_TIMEOUT" });
  assert.deepEqual(await call.ended, { kind: "failed", failure: { code: "BODY_FAILED", message: "BODY_TIMEOUT" }, isSpent: false });
  assert.equal(wire.sent.at(-1)!.kind, cancel);
});

test("a request whose head is longer than a message is refused, and the link goes on", async () => {
  const { wire, begin, broken } = scriptedLink();
  const call = begin({ headers: { cookie: "x".repeat(2_000) } });
  const end = await call.ended;
  assert.ok(end.kind === "failed" && !end.isSpent);
  assert.match(end.failure.message, /head has 20\d\d bytes: a message to its process has at most 1024/);
  assert.deepEqual(wire.sent, []);
  wire.makeRoom();
  begin();
  assert.equal(wire.sent.length, 1);
  assert.deepEqual(broken, []);
});

test("a slow client holds its instance up when it is far behind, and no sooner", () => {
  const { wire, begin } = scriptedLink();
  const slow = begin({ isSlow: true });
  const other = begin();
  const part = "x".repeat(1_000);
  wire.say(KIND.response, { call: 1, status: 200, body: part });
  let toldBytes = part.length;
  while (!wire.isPaused) {
    wire.say(KIND.responseBody, { call: 1, body: part });
    toldBytes += part.length;
    assert.ok(toldBytes <= AHEAD_MAX_BYTES + part.length, "it ran ahead of its client");
  }
  assert.ok(toldBytes > AHEAD_MAX_BYTES);
  wire.answer(2);
  assert.deepEqual(other.ends, []);
  slow.drain();
  assert.equal(wire.isPaused, false);
  wire.goOn();
  assert.deepEqual(other.ends, [ANSWERED]);
});

test("an instance that is held up by a slow client is not to blame for its silence", async () => {
  const { link, wire, begin } = scriptedLink();
  const slow = begin({ isSlow: true });
  wire.say(KIND.response, { call: 1, status: 200 });
  while (!wire.isPaused) wire.say(KIND.responseBody, { call: 1, body: "x".repeat(1_000) });
  assert.equal(await link.isHealthy(1), true);
  slow.linked.abandon(GIVEN_UP);
  assert.equal(wire.isPaused, false);
});

test("an answer that is given up while it is written ends once", () => {
  const { wire, begin } = scriptedLink();
  const call = begin();
  call.call.exchange.write = () => {
    call.linked.abandon(GIVEN_UP);
    return true;
  };
  wire.say(KIND.response, { call: 1, status: 200 });
  wire.say(KIND.responseBody, { call: 1, body: "last", isEnd: true });
  assert.deepEqual(call.ends, [{ kind: "failed", failure: GIVEN_UP, isSpent: false }]);
});

test("a handler that failed says why", async () => {
  const { wire, begin } = scriptedLink();
  const cases = [
    ["TypeError: x is not a function\n    at handler (app.js:1:2)", "TypeError: x is not a function"],
    ['Traceback (most recent call last):\n  File "app.py", line 1\nValueError: größer\n', "ValueError: größer"],
    ["no", "no"],
    ["", "The handler failed and did not say why"],
  ];
  for (const [index, [text, message]] of cases.entries()) {
    const call = begin();
    wire.say(KIND.failed, { call: index + 1, body: text! });
    const end = call.ends[0]!;
    assert.ok(end.kind === "failed" && !end.isSpent);
    assert.deepEqual([end.failure.code, end.failure.message], ["HANDLER_THREW", message]);
    assert.equal(end.failure.stack, text!.includes("\n") ? text!.trim() : undefined);
  }
});

test("a handler that fails in the middle of its answer breaks it off", () => {
  const { wire, begin } = scriptedLink();
  const call = begin();
  wire.say(KIND.response, { call: 1, status: 200, body: "half" });
  wire.say(KIND.failed, { call: 1, body: "lost my place" });
  assert.deepEqual(call.ends, [{ kind: "failed", failure: { code: "HANDLER_THREW", message: "lost my place" }, isSpent: false }]);
  assert.equal(call.call.exchange.answered, true);
});

test("an instance that answers a PING is well, and is not asked twice at a time", async () => {
  const { link, wire } = scriptedLink();
  const first = link.isHealthy(10_000);
  const second = link.isHealthy(10_000);
  assert.deepEqual(wire.kinds(), [ping]);
  wire.pong();
  assert.deepEqual(await Promise.all([first, second]), [true, true]);
  const third = link.isHealthy(10_000);
  wire.pong();
  assert.equal(await third, true);
});

test("one that does not answer in time is not well, until it does", async () => {
  const { link, wire, broken } = scriptedLink();
  assert.equal(await link.isHealthy(1), false);
  const again = link.isHealthy(10_000);
  assert.deepEqual(wire.kinds(), [ping]);
  wire.pong();
  assert.equal(await again, true);
  assert.deepEqual(broken, []);
});

test("one that was asked to stop answers what it has and is given nothing more", async () => {
  const { link, wire, begin, broken } = scriptedLink();
  const begun = begin();
  wire.roomCount = 0;
  const waiting = begin();
  link.askToStop();
  link.askToStop();
  const late = begin();
  wire.makeRoom();
  assert.deepEqual(wire.kinds(), [request, stop]);
  for (const call of [waiting, late]) assert.equal((await call.ended).kind, "unsent");
  wire.answer(1);
  assert.deepEqual(begun.ends, [ANSWERED]);
  link.onLost("its connection ended");
  assert.deepEqual(broken, []);
});

test("a link that is closed ends its calls: what the instance never saw may go to another", async () => {
  const { link, wire, begin, broken } = scriptedLink();
  const begun = begin();
  wire.roomCount = 0;
  const waiting = begin();
  const health = link.isHealthy(10_000);
  link.close("exit code 3");
  const message = "The process of fn can't answer: exit code 3";
  assert.deepEqual(begun.ends, [{ kind: "failed", failure: { code: "SANDBOX_LOST", message }, isSpent: true }]);
  assert.deepEqual(waiting.ends, [{ kind: "unsent", why: message }]);
  assert.equal(await health, false);
  assert.equal(await link.isHealthy(1), false);
  assert.equal(wire.isClosed, true);
  assert.deepEqual(broken, []);
  assert.equal((await begin().ended).kind, "unsent");
  link.askToStop();
  link.close("again");
});

test("an instance whose connection ends is spent, and its owner hears of it before its calls end", () => {
  const { link, begin, broken } = scriptedLink();
  const call = begin();
  link.onBroken = (why) => broken.push(`${why}, ${call.ends.length} ended`);
  link.onLost("its connection ended");
  assert.deepEqual(broken, ["its connection ended, 0 ended"]);
  assert.equal(call.ends.length, 1);
});
