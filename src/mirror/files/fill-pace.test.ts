import assert from "node:assert/strict";
import test from "node:test";
import { SECOND_MS } from "../../base/units.ts";
import { FillPace, JUDGED_AFTER_MS, LEAST_BYTES_PER_SECOND } from "./fill-pace.ts";

/** Fed once a second; after how many seconds it was called a trickle, null for not within ten spans. */
function trickleAfter(bytesOf: (second: number) => number): number | null {
  const pace = new FillPace(0);
  for (let second = 1; second <= (10 * JUDGED_AFTER_MS) / SECOND_MS; second++) {
    if (pace.isTrickle(bytesOf(second), second * SECOND_MS)) return second;
  }
  return null;
}

const SPAN_SECONDS = JUDGED_AFTER_MS / SECOND_MS;

test("a span with too few bytes is a trickle, and one with enough is none", () => {
  assert.equal(
    trickleAfter(() => LEAST_BYTES_PER_SECOND - 1),
    SPAN_SECONDS,
  );
  assert.equal(
    trickleAfter(() => LEAST_BYTES_PER_SECOND),
    null,
  );
});

test("each span is judged by itself: what came fast before is no excuse", () => {
  assert.equal(
    trickleAfter((second) => (second <= SPAN_SECONDS ? 1_000_000 : 1)),
    2 * SPAN_SECONDS,
  );
});

test("a pause within a span that brings enough is none, and a single late byte after a long one is", () => {
  assert.equal(
    trickleAfter((second) => (second % SPAN_SECONDS === 1 ? LEAST_BYTES_PER_SECOND * SPAN_SECONDS : 0)),
    null,
  );
  const pace = new FillPace(0);
  assert.equal(pace.isTrickle(LEAST_BYTES_PER_SECOND * SPAN_SECONDS, 100 * JUDGED_AFTER_MS), true);
});

test("when it begins anew, nothing that came before counts", () => {
  const pace = new FillPace(0);
  assert.equal(pace.isTrickle(1, JUDGED_AFTER_MS - 1), false);
  pace.begin(JUDGED_AFTER_MS - 1);
  assert.equal(pace.isTrickle(1, 2 * JUDGED_AFTER_MS - 2), false);
  assert.equal(pace.isTrickle(1, 2 * JUDGED_AFTER_MS - 1), true);
});
