/** What an instance may do to a link, and what it does to its calls. */
import assert from "node:assert/strict";
import test from "node:test";
import { CANCELLED_MAX_COUNT } from "./message-link.ts";
import { KIND } from "./messages.ts";
import { GIVEN_UP, type ScriptedLink, scriptedLink } from "./testing/scripted-link.ts";
import type { Said } from "./testing/scripted-wire.ts";

test("a status or header lines that HTTP forbids fail their call alone", async () => {
  const { link, wire, begin, broken } = scriptedLink();
  const cases: [Said, RegExp][] = [
    [{ status: 99 }, /its status is 99/],
    [{ status: 1_000 }, /its status is 1000/],
    [{ status: 200, head: "a: b\r\n\r\nHTTP/1.1 200 OK\r\n" }, /is no header line/],
    [{ status: 200, head: "a: \x00\n" }, /is no header line/],
    [{ status: 200, head: "a: b" }, /the last has no end/],
    [{ status: 200, head: "\n" }, /an empty line/],
  ];
  const other = begin();
  for (const [said, expected] of cases) {
    const call = begin();
    wire.say(KIND.response, { call: wire.sent.at(-1)!.call, isEnd: true, ...said });
    const end = call.ends[0]!;
    assert.ok(end.kind === "failed" && !end.isSpent);
    assert.equal(end.failure.code, "INVALID_ANSWER");
    assert.match(end.failure.message, expected);
    assert.equal(call.call.exchange.answered, false);
  }
  assert.equal(link.cancelledCount, 0);
  wire.answer(1);
  assert.deepEqual([other.ends.length, broken], [1, []]);
});

test("what follows an answer that can't be sent belongs to nobody, and is called off", () => {
  const { wire, begin, broken } = scriptedLink();
  const call = begin();
  wire.say(KIND.response, { call: 1, status: 99, body: "one" });
  assert.equal(call.ends.length, 1);
  assert.equal(wire.sent.at(-1)!.kind, KIND.cancel);
  wire.say(KIND.responseBody, { call: 1, body: "two" });
  wire.say(KIND.responseBody, { call: 1, isEnd: true });
  assert.deepEqual(broken, []);
  wire.say(KIND.responseBody, { call: 1, isEnd: true });
  assert.equal(broken.length, 1);
});

/** Messages that break the link, said after calls 1 (open), 2 (streaming) and 3 (cancelled, its answer begun) were begun. */
const BREAKING: readonly [string, (link: ScriptedLink) => void, RegExp][] = [
  ["an answer to nobody", ({ wire }) => wire.answer(9), /RESPONSE of call 9, which is not open/],
  [
    "an answer twice",
    ({ wire }) => {
      wire.answer(1);
      wire.answer(1);
    },
    /RESPONSE of call 1, which is not open/,
  ],
  ["a second beginning", ({ wire }) => wire.answer(2), /a second RESPONSE of call 2/],
  ["a second beginning of a cancelled answer", ({ wire }) => wire.answer(3), /a second RESPONSE of call 3/],
  ["a body without a beginning", ({ wire }) => wire.say(KIND.responseBody, { call: 1, body: "x" }), /call 1, whose RESPONSE has not come/],
  ["a failure of nobody", ({ wire }) => wire.say(KIND.failed, { call: 77, body: "x" }), /FAILED of call 77, which is not open/],
  ["a request", ({ wire }) => wire.say(KIND.request, { call: 1, isEnd: true }), /REQUEST, which only a server sends/],
  ["a request to stop", ({ wire }) => wire.say(KIND.stop), /STOP, which only a server sends/],
  ["a PING", ({ wire }) => wire.say(KIND.ping), /PING, which only a server sends/],
  ["a PONG that nobody asked for", ({ wire }) => wire.say(KIND.pong), /a PONG that answers no PING/],
  ["a kind that there is not", ({ wire }) => wire.say(77, { call: 1 }), /unknown kind, 77/],
  ["no message at all", ({ wire }) => wire.sayBytes(Buffer.alloc(3)), /a message of 3 bytes/],
  [
    "a length that lies",
    ({ wire }) => wire.sayBytes(Buffer.from([3, 1, 200, 0, 1, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0])),
    /which says/,
  ],
  ["an answer of no call", ({ wire }) => wire.answer(0), /RESPONSE of no call/],
];

for (const [what, say, expected] of BREAKING) {
  test(`${what} ends everything that the instance had`, () => {
    const scripted = scriptedLink();
    const { wire, begin, broken } = scripted;
    const open = begin();
    const streaming = begin();
    const cancelled = begin();
    wire.say(KIND.response, { call: 2, status: 200, body: "half" });
    cancelled.linked.abandon(GIVEN_UP);
    wire.say(KIND.response, { call: 3, status: 200 });
    wire.roomCount = 0;
    const waiting = begin();

    say(scripted);
    assert.equal(broken.length, 1);
    assert.match(broken[0]!, expected);
    assert.match(broken[0]!, /^it broke the protocol: /);
    assert.equal(wire.isClosed, true);
    const end = streaming.ends[0]!;
    assert.ok(end.kind === "failed" && end.isSpent && end.failure.code === "SANDBOX_LOST");
    assert.equal(open.ends.length, 1);
    assert.equal(waiting.ends[0]!.kind, "unsent");
    assert.equal(cancelled.ends.length, 1);
  });
}

test("a flood of PONGs is over with the first that nobody asked for", () => {
  const { link, wire, broken } = scriptedLink();
  void link.isHealthy(10_000);
  wire.pong();
  for (let count = 0; count < 1_000; count++) wire.say(KIND.pong, { body: "\x01\0\0\0" });
  assert.equal(broken.length, 1);
});

test("a PONG that says something else is no answer", async () => {
  for (const body of ["\x02\0\0\0", "\x01\0\0", "\x01\0\0\0\0", ""]) {
    const { link, wire, broken } = scriptedLink();
    const health = link.isHealthy(10_000);
    wire.say(KIND.pong, { body });
    assert.match(broken[0]!, /a PONG that is not its PING's/);
    assert.equal(await health, false);
  }
});

test("an instance that takes nothing is sent nothing more, however many calls come and go", async () => {
  const { link, wire, begin } = scriptedLink();
  wire.roomCount = 3;
  const calls = Array.from({ length: 100 }, () => begin());
  for (const { linked } of calls) linked.abandon(GIVEN_UP);
  assert.ok(calls.every(({ ends }) => ends.length === 1));
  assert.equal(wire.sent.length, 3);
  assert.equal(await link.isHealthy(1), false);
  // What it is owed when it takes something again: three cancellations and a question.
  wire.makeRoom();
  assert.deepEqual(wire.kinds().slice(3), [KIND.cancel, KIND.cancel, KIND.cancel, KIND.ping]);
});

test("calls that were cancelled and never answered are forgotten, the oldest first", () => {
  const { link, wire, begin, broken } = scriptedLink();
  for (let count = 0; count <= CANCELLED_MAX_COUNT; count++) begin().linked.abandon(GIVEN_UP);
  assert.equal(link.cancelledCount, CANCELLED_MAX_COUNT);
  wire.answer(2);
  assert.deepEqual(broken, []);
  wire.answer(1);
  assert.match(broken[0]!, /call 1, which is not open/);
});

test("parts without bytes and an answer without end cost nothing, and the deadline ends them", async () => {
  const { wire, begin, broken } = scriptedLink();
  const call = begin();
  wire.say(KIND.response, { call: 1, status: 200 });
  for (let count = 0; count < 10_000; count++) wire.say(KIND.responseBody, { call: 1 });
  call.linked.abandon(GIVEN_UP);
  assert.deepEqual(call.ends, [{ kind: "failed", failure: GIVEN_UP, isSpent: false }]);
  assert.deepEqual(broken, []);
});

test("an owner that closes the link when it hears of the break closes it once", () => {
  const { link, wire, begin, broken } = scriptedLink();
  const call = begin();
  link.onBroken = (why) => {
    broken.push(why);
    link.close(why);
  };
  wire.answer(5);
  assert.deepEqual([broken.length, call.ends.length], [1, 1]);
});
