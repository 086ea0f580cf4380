import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LaneHistory, PROMOTE_AFTER_CALLS, SLOW_LOOP_TURN_MS } from "./lane.ts";

function quickCalls(lanes: LaneHistory, count: number): void {
  for (let call = 0; call < count; call++) lanes.threadTurn(0.1);
}

describe("a function's lane", () => {
  test("is the loop after 20 quick calls in a row", () => {
    const lanes = new LaneHistory();
    quickCalls(lanes, PROMOTE_AFTER_CALLS - 1);
    assert.equal(lanes.lane, "thread");
    quickCalls(lanes, 1);
    assert.equal(lanes.lane, "loop");
    assert.equal(lanes.promotionCount, 1);
  });

  test("stays the thread while slow calls come between", () => {
    const lanes = new LaneHistory();
    for (let round = 0; round < 10; round++) {
      quickCalls(lanes, PROMOTE_AFTER_CALLS - 1);
      lanes.threadTurn(3);
    }
    assert.equal(lanes.lane, "thread");
  });

  test("goes back to the thread after a slow turn, and the next promotion takes twice as long", () => {
    const lanes = new LaneHistory();
    quickCalls(lanes, PROMOTE_AFTER_CALLS);
    lanes.loopTurn(SLOW_LOOP_TURN_MS + 1);
    assert.equal(lanes.lane, "thread");
    quickCalls(lanes, PROMOTE_AFTER_CALLS);
    assert.equal(lanes.lane, "thread");
    quickCalls(lanes, PROMOTE_AFTER_CALLS);
    assert.equal(lanes.lane, "loop");
  });

  test("is the thread for good once the watchdog had to end a turn", () => {
    const lanes = new LaneHistory();
    quickCalls(lanes, PROMOTE_AFTER_CALLS);
    lanes.bar();
    quickCalls(lanes, 10_000);
    assert.equal(lanes.lane, "thread");
  });
});
