import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobAnswer } from "./job-exchange.ts";
import { judge, retryDelayMs } from "./job-verdict.ts";

const POLICY = { retryDelayMs: 1_000, retryDelayMaxMs: 60_000 };
const CALL = { count: 1, isMessage: false };

function answered(status: number, headerLines = "", body = "", reason: string | null = null): JobAnswer {
  return { kind: "answered", status, headerLines, body: Buffer.from(body), reason };
}

test("the wait doubles with each attempt up to its maximum, give or take half", () => {
  const waits = [1, 2, 3, 6, 7, 1_000].map((count) => retryDelayMs(count, POLICY, 0.5));
  assert.deepEqual(waits, [1_000, 2_000, 4_000, 32_000, 60_000, 60_000]);
  assert.deepEqual([retryDelayMs(2, POLICY, 0), retryDelayMs(2, POLICY, 1)], [1_000, 3_000]);
  assert.equal(retryDelayMs(1_000, POLICY, 1), 60_000);
});

test("what may pass is tried again, and no sooner than the function asked", () => {
  for (const status of [408, 425, 429, 500, 503, 504]) assert.equal(judge(answered(status), CALL, POLICY, 0.5).do, "retry");
  const verdict = judge(answered(503, "Retry-After: 30\r\n", "later"), CALL, POLICY, 0.5);
  assert.deepEqual(verdict, { do: "retry", error: "it answered 503", whole: "it answered 503: later", delayMs: 30_000 });
  const greedy = judge(answered(503, "retry-after: 999999999\r\n"), CALL, POLICY, 0.5);
  assert.deepEqual(greedy, { do: "retry", error: "it answered 503", whole: "it answered 503", delayMs: 60_000 });
});

test("a refusal is the answer of a client's call, and the end of a message", () => {
  assert.equal(judge(answered(404), CALL, POLICY, 0).do, "complete");
  assert.deepEqual(judge(answered(404, "", "no such list"), { count: 1, isMessage: true }, POLICY, 0), {
    do: "bury",
    error: "it answered 404",
    whole: "it answered 404: no such list",
  });
});

test("of a function that never answered, the reason is told and not what the server answered for it", () => {
  const reason = "a trapped: unreachable\n    at inner\n    at outer";
  const verdict = judge(answered(500, "", "look into the log", reason), CALL, POLICY, 0.5);
  assert.deepEqual(verdict, { do: "retry", error: "a trapped: unreachable", whole: reason, delayMs: 1_000 });
});

test("an answer that can't be kept is not asked for again", () => {
  assert.equal(judge({ kind: "broken", reason: "too large", again: false }, CALL, POLICY, 0).do, "bury");
  assert.equal(judge({ kind: "broken", reason: "broke off", again: true }, CALL, POLICY, 0).do, "retry");
});
