/** Answers that a guest has gathered: read as they were written, and never trusted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import type { Call } from "../engine.ts";
import { Realm, type RealmHost } from "./realm.ts";

interface Answer {
  readonly status: number;
  readonly lines: string;
  readonly body: string;
}

/** A realm with open calls 1 to `count`, and what they were answered. */
function realmWith(count: number): { realm: Realm; answers: Map<number, Answer> } {
  const entry = { applySync: () => undefined, apply: () => Promise.resolve(undefined) };
  const host = { idle() {}, enter() {}, waitMaxMs: 1_000 } as unknown as RealmHost;
  const realm = new Realm(host, () => ({ dispatch: entry, take: entry, signal: entry, release: () => {} }));
  const answers = new Map<number, Answer>();
  for (let callId = 1; callId <= count; callId++) {
    const exchange = {
      answered: false,
      respond: (status: number, lines: string, body: string) => void answers.set(callId, { status, lines, body }),
    };
    realm.calls.set(callId, { exchange, fail: assert.fail } as unknown as Call);
  }
  return { realm, answers };
}

function packed(answers: Iterable<[number, Answer]>): string {
  return [...answers]
    .map(([callId, { status, lines, body }]) => `${callId} ${status} ${lines.length} ${body.length}\n${lines}${body}`)
    .join("");
}

const text = fc.string({ unit: fc.constantFrom("a", " ", "\n", "7", "é", "\r"), maxLength: 12 });

test("gathered answers reach their calls as they were written, whatever is in them", () => {
  const answer = fc.record({ status: fc.integer({ min: 200, max: 599 }), lines: text, body: text });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 6 }), (list) => {
      const { realm, answers } = realmWith(list.length);
      const written = new Map(list.map((one, index) => [index + 1, { ...one }] as const));
      realm.answerSettled(packed(written));
      assert.deepEqual(answers, written);
      assert.equal(realm.calls.size, 0);
    }),
  );
});

test("what no guest of ours would write ends the reading, and leaves open calls open", () => {
  for (const hostile of [
    "",
    "\n",
    "1 200 0\nx",
    "1 200 0 5\nabc",
    "1 200 -1 0\n",
    "1 200 1e3 0\n",
    "1 200  0\n",
    "1 200 0 99999999999999999999\n",
    "one 200 0 0\n",
    " 200 0 0\n",
  ]) {
    const { realm, answers } = realmWith(1);
    realm.answerSettled(hostile);
    assert.equal(answers.size, 0, JSON.stringify(hostile));
    assert.equal(realm.calls.size, 1);
  }
  const { realm, answers } = realmWith(2);
  realm.answerSettled(`${packed([[1, { status: 200, lines: "", body: "ok" }]])}garbage\n1 200 0 0`);
  assert.deepEqual([...answers.keys()], [1]);
});

test("reading ends, whatever was written", () => {
  const noise = fc.string({ unit: fc.constantFrom("0", "1", "2", " ", "\n", "-", "x"), maxLength: 60 });
  fc.assert(
    fc.property(noise, (written) => realmWith(2).realm.answerSettled(written)),
    { numRuns: 2_000 },
  );
});
