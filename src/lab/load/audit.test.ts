import assert from "node:assert/strict";
import { test } from "node:test";
import { type AuditFacts, findBottlenecks } from "./audit.ts";
import { UsHistogram } from "./histogram.ts";

function spread(us: number, count = 1_000) {
  const histogram = new UsHistogram();
  histogram.addMany(us, count);
  return histogram.distribution();
}

const SOUND: AuditFacts = {
  isOpenLoop: true,
  isInterrupted: false,
  hasBacklog: false,
  strayCount: 0,
  dueCount: 1_000,
  medianLatencyUs: 2_000,
  threadCount: 1,
  answeredCount: 1_000,
  durationMs: 1_000,
  targetPerSecond: 1_000,
  achievedPerSecond: 1_000,
  droppedCount: 0,
  lateness: spread(100),
  eventLoopLag: spread(0),
  threadUtilization: 0.3,
  cpuUsPerRequest: 10,
};

test("a generator that kept up has nothing against it", () => {
  assert.deepEqual(findBottlenecks(SOUND), []);
});

test("each way of not keeping up has a sentence of its own", () => {
  const cases: readonly (readonly [Partial<AuditFacts>, RegExp])[] = [
    [{ lateness: spread(1_500) }, /Requests left late though a connection was free: p99 1\.50 ms, more than 1\.00 ms/],
    [
      { lateness: spread(1_500), threadUtilization: 0.95 },
      /95% busy and sent late: use more than 1 load thread on free cores, or a lower rate/,
    ],
    [
      { droppedCount: 20 },
      /20 of 1000 requests that fell due were never sent, because no connection was free, though the server kept pace/,
    ],
    [{ strayCount: 3 }, /bytes that no request had asked for \(3 times\)/],
    [{ eventLoopLag: spread(30_000, 1) }, /event loop stood still for 3\.0% of the time/],
    [{ isOpenLoop: false, targetPerSecond: null, threadUtilization: 0.99 }, /the generator's own limit, not the server's/],
  ];
  for (const [facts, sentence] of cases) {
    const reasons = findBottlenecks({ ...SOUND, ...facts });
    assert.equal(reasons.length, 1, reasons.join("\n"));
    assert.match(reasons[0]!, sentence);
    assert.doesNotMatch(reasons[0]!, /--/);
  }
});

test("lateness is judged beside the latency that it hides in", () => {
  assert.deepEqual(findBottlenecks({ ...SOUND, lateness: spread(1_500), medianLatencyUs: 20_000 }), []);
});

test("what a server that fell behind left unsent is its own doing", () => {
  assert.deepEqual(findBottlenecks({ ...SOUND, droppedCount: 400, hasBacklog: true }), []);
});

test("a run that was cut short is not blamed for what it did not send", () => {
  assert.deepEqual(findBottlenecks({ ...SOUND, isInterrupted: true, droppedCount: 990 }), []);
});
