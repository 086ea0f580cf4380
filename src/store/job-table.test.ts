/** Leases in a table whose wall clock is set: what a leap looks like to the table is that all of its times have moved. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { HOUR_MS, MINUTE_MS } from "../base/units.ts";
import { JOB_DATABASE, JobTable } from "./job-table.ts";

const QUEUES = ["topic/t"];

/** Two processes on one file, of which the second looks for jobs, and a clock that both see leap. */
function twoProcesses(): { worker: JobTable; other: JobTable; leap(ms: number): void } {
  const database = new DatabaseSync(":memory:");
  database.exec(JOB_DATABASE.schema);
  let offsetMs = 0;
  const open = (): JobTable => new JobTable(database, () => offsetMs);
  return {
    worker: open(),
    other: open(),
    leap(ms) {
      offsetMs += ms;
      database.prepare("UPDATE job SET run_at = run_at - ?").run(ms);
    },
  };
}

test("a clock that is put forward takes no job from a worker that lives, and no last attempt", () => {
  const { worker, other, leap } = twoProcesses();
  for (const attemptsMax of [1, 5]) worker.enqueue({ queue: QUEUES[0]!, payload: new Uint8Array(0), attemptsMax });
  const held = worker.lease(QUEUES, 2, MINUTE_MS);
  leap(HOUR_MS);
  assert.deepEqual(other.lease(QUEUES, 2, MINUTE_MS), []);
  for (const { id, lease } of held) {
    assert.equal(worker.get(id)!.state, "running");
    assert.equal(worker.extend(id, lease, MINUTE_MS), true);
  }
  assert.deepEqual(other.lease(QUEUES, 2, MINUTE_MS), []);
});

test("after a leap nobody looks in vain: queued jobs are taken, and lost ones are due when a lease's time has passed", () => {
  const { worker, other, leap } = twoProcesses();
  const { id: lost } = worker.enqueue({ queue: QUEUES[0]!, payload: new Uint8Array(0) });
  worker.lease(QUEUES, 1, MINUTE_MS);
  const { id: queued } = worker.enqueue({ queue: QUEUES[0]!, payload: new Uint8Array(0) });
  leap(HOUR_MS);
  assert.deepEqual(
    other.lease(QUEUES, 2, MINUTE_MS).map(({ id }) => id),
    [queued],
  );
  assert.ok(other.dueInMs(QUEUES)! > 0);
  leap(HOUR_MS);
  const spareNothing = 0;
  assert.deepEqual(
    other.lease(QUEUES, 2, spareNothing).map(({ id }) => id),
    [lost, queued],
  );
});
