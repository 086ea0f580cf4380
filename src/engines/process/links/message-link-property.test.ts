/** Whatever an instance says and whenever calls come and go: one end for each call, and a legal conversation from our side. */
import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../../test/support/properties.ts";
import { KIND } from "./messages.ts";
import { GIVEN_UP, type ScriptedCall, type ScriptedLink, scriptedLink, turn } from "./testing/scripted-link.ts";
import type { SentMessage } from "./testing/scripted-wire.ts";

type Step = (scripted: ScriptedLink, calls: ScriptedCall[]) => void | Promise<void>;

const NTH = fc.nat(12);
const ID = fc.integer({ min: 1, max: 14 });
const BODY = fc.constantFrom("", "x", "y".repeat(900));
const HEAD = fc.constantFrom("", "a: b\n", "a: b\r\n", "no line");
const STATUS = fc.constantFrom(200, 204, 404, 99);

const REQUEST = fc.record({
  method: fc.constantFrom("GET", "POST"),
  body: fc.constantFrom(null, "small", "z".repeat(3_000)),
  chunkBytes: fc.constantFrom(undefined, 1_000),
  isSlow: fc.boolean(),
});

const begin: fc.Arbitrary<Step> = REQUEST.map(({ chunkBytes, ...request }) => (scripted, calls) => {
  calls.push(scripted.begin(chunkBytes === undefined ? request : { ...request, chunkBytes }));
});
const ofCall = (act: (call: ScriptedCall) => void): fc.Arbitrary<Step> =>
  NTH.map((index) => (_scripted, calls) => {
    const call = calls[index];
    if (call !== undefined) act(call);
  });
const answer: fc.Arbitrary<Step> = fc.tuple(ID, BODY).map(
  ([id, body]) =>
    ({ wire }) =>
      wire.answer(id, body),
);
const say: fc.Arbitrary<Step> = fc
  .record({
    kind: fc.constantFrom(KIND.response, KIND.responseBody, KIND.failed),
    call: ID,
    status: STATUS,
    head: HEAD,
    body: BODY,
    isEnd: fc.boolean(),
  })
  .map(
    ({ kind, status, head, ...rest }) =>
      ({ wire }) =>
        wire.say(kind, kind === KIND.response ? { status, head, ...rest } : rest),
  );
const room: fc.Arbitrary<Step> = fc.constantFrom(0, 1, 3, Infinity).map(
  (messageCount) =>
    ({ wire }) =>
      wire.makeRoom(messageCount),
);
const step = (act: Step): fc.Arbitrary<Step> => fc.constant(act);

const STEP = fc.oneof(
  { weight: 8, arbitrary: begin },
  { weight: 8, arbitrary: answer },
  { weight: 8, arbitrary: say },
  { weight: 3, arbitrary: ofCall(({ linked }) => linked.abandon(GIVEN_UP)) },
  { weight: 3, arbitrary: ofCall(({ drain }) => drain()) },
  { weight: 4, arbitrary: room },
  { weight: 4, arbitrary: step(turn) },
  { weight: 2, arbitrary: step(({ wire }) => wire.goOn()) },
  { weight: 1, arbitrary: step(({ link }) => void link.isHealthy(1)) },
  { weight: 1, arbitrary: step(({ wire }) => wire.say(KIND.pong, { body: "\x01\0\0\0" })) },
  { weight: 1, arbitrary: step(({ link }) => link.askToStop()) },
  { weight: 1, arbitrary: step(({ link }) => link.onLost("its connection ended")) },
);

/** One REQUEST, its body, an end of it at most, a CANCEL at most, nothing behind. */
function checkConversation(sent: readonly SentMessage[]): void {
  const ofCalls = Map.groupBy(
    sent.filter(({ call }) => call !== 0),
    ({ call }) => call,
  );
  for (const [call, messages] of ofCalls) {
    const kinds = messages.map(({ kind, isEnd }) => `${kind}${isEnd ? "E" : ""}`).join(" ");
    assert.match(kinds, /^(?:1E|1(?: 2)*(?: 2E)?)(?: 5)?$/, `call ${call}: ${kinds}`);
  }
}

test("each call that is begun ends exactly once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(STEP, { maxLength: 40 }), async (steps) => {
      const scripted = scriptedLink();
      const calls: ScriptedCall[] = [];
      for (const act of steps) await act(scripted, calls);
      scripted.link.close("the test is over");
      await turn();
      const { wire, broken } = scripted;
      assert.ok(broken.length <= 1);
      checkConversation(wire.sent);
      for (const [index, { ends, call }] of calls.entries()) {
        assert.equal(ends.length, 1, `call ${index + 1} has ${ends.length} ends`);
        const { kind } = ends[0]!;
        if (kind === "answered") assert.equal(call.exchange.answered, true);
        if (kind === "unsent") {
          assert.equal(call.exchange.answered, false);
          assert.ok(!wire.sent.some((message) => message.call === index + 1));
        }
      }
    }),
    { numRuns: 3_000 },
  );
});

test("a call is answered when its answer comes, whatever happens to the others", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(REQUEST, { minLength: 1, maxLength: 8 }), fc.infiniteStream(fc.nat(100)), async (requests, dice) => {
      const { wire, begin: beginCall, broken } = scriptedLink();
      const calls = requests.map(({ chunkBytes, ...request }) =>
        beginCall(chunkBytes === undefined ? request : { ...request, chunkBytes }),
      );
      const open = new Set(calls.keys());
      while (open.size > 0) {
        const index = [...open][dice.next().value! % open.size]!;
        const call = calls[index]!;
        if (dice.next().value! < 25) call.linked.abandon(GIVEN_UP);
        else wire.answer(index + 1, `of ${index}`);
        open.delete(index);
      }
      assert.deepEqual(broken, []);
      for (const [index, { ends, call, answer: given }] of calls.entries()) {
        assert.equal(ends.length, 1);
        if (ends[0]!.kind === "answered") assert.equal((await given).body.toString(), `of ${index}`);
        else assert.equal(call.exchange.answered, false);
      }
    }),
    { numRuns: 300 },
  );
});
