import assert from "node:assert/strict";
import { test } from "node:test";
import { explained, failureOf, isRepeatable, maySendAgain, RESENDS_MAX, type Unanswered } from "./call-end.ts";

const LOST: Unanswered = { kind: "failed", failure: { code: "SANDBOX_LOST", message: "its connection ended" }, isSpent: true };
const THREW: Unanswered = { kind: "failed", failure: { code: "HANDLER_THREW", message: "ValueError" }, isSpent: false };
const UNSENT: Unanswered = { kind: "unsent", why: "the ring was closed" };
const FUNCTION = { functionId: "report", memoryMaxBytes: 1_000 };

function sent(change: Partial<Parameters<typeof maySendAgain>[1]> = {}) {
  return { isRepeatable: true, isAnswerBegun: false, resends: 0, ...change };
}

test("idempotent methods with a whole body may be repeated, others never", () => {
  for (const method of ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]) {
    assert.equal(isRepeatable(method, true), true);
    assert.equal(isRepeatable(method, false), false);
  }
  for (const method of ["POST", "PATCH", "CONNECT", "get", "PURGE"]) assert.equal(isRepeatable(method, true), false);
});

test("a call that no byte of has left is sent again, whatever its method, but not for ever", () => {
  assert.equal(maySendAgain(UNSENT, sent({ isRepeatable: false })), true);
  assert.equal(maySendAgain(UNSENT, sent({ resends: RESENDS_MAX })), false);
});

test("a call whose instance was lost is sent again only when it may be repeated and no answer was begun", () => {
  assert.equal(maySendAgain(LOST, sent()), true);
  assert.equal(maySendAgain(LOST, sent({ isRepeatable: false })), false);
  assert.equal(maySendAgain(LOST, sent({ isAnswerBegun: true })), false);
  assert.equal(maySendAgain(LOST, sent({ resends: RESENDS_MAX })), false);
});

test("what the handler says of itself is final", () => {
  assert.equal(maySendAgain(THREW, sent()), false);
  assert.equal(explained(THREW, { code: 1, signal: null, told: "exit code 1" }, FUNCTION), THREW);
});

test("a lost call is explained by how its process ended, and one that outgrew its memory is not sent again", () => {
  const crashed = explained(LOST, { code: 3, signal: null, told: "exit code 3" }, FUNCTION);
  assert.match(failureOf(crashed, "report").message, /report .*exit code 3/);
  assert.equal(maySendAgain(crashed, sent()), true);
  const outgrown = explained(LOST, { code: null, signal: "SIGKILL", told: "SIGKILL (memory limit)" }, FUNCTION);
  assert.equal(failureOf(outgrown, "report").code, "MEMORY_LIMIT_EXCEEDED");
  assert.equal(maySendAgain(outgrown, sent()), false);
  assert.equal(explained(LOST, null, FUNCTION), LOST);
});

test("a call that could not be given to any instance says so", () => {
  assert.deepEqual(failureOf(UNSENT, "report"), {
    code: "SANDBOX_LOST",
    message: "report could not be given the call: the ring was closed",
  });
});
