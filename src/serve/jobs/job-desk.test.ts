import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { openDatabase } from "../../store/database.ts";
import { JOB_DATABASE, JobTable } from "../../store/job-table.ts";
import { tableFile } from "../../store/tables.ts";
import { JobDesk } from "./job-desk.ts";

/** More than two of the desk's pages. */
const DEAD_COUNT = 1_001;

function withDeadJobs(dataDir: string): DatabaseSync {
  const database = openDatabase(tableFile(dataDir, "jobs", ""), JOB_DATABASE);
  const jobs = new JobTable(database);
  database.exec("BEGIN");
  for (let count = 0; count < DEAD_COUNT; count++) jobs.enqueue({ queue: "topic/t", payload: new Uint8Array(0), attemptsMax: 3 });
  for (const { id, lease } of jobs.lease(["topic/t"], DEAD_COUNT, 1_000)) jobs.bury(id, lease, "no luck");
  database.exec("COMMIT");
  return database;
}

async function onDeadJobs(work: (desk: JobDesk, database: DatabaseSync) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "pilotlight-job-desk-"));
  const database = withDeadJobs(dataDir);
  const desk = new JobDesk(dataDir);
  try {
    await work(desk, database);
  } finally {
    await desk.close();
    database.close();
    rmSync(dataDir, { recursive: true });
  }
}

test("dead jobs that fail again at once are replayed once each", () =>
  onDeadJobs(async (desk, database) => {
    // Twice at the most, so that a replay that ran in a circle would end with another count.
    database.exec(`CREATE TRIGGER fails_again AFTER UPDATE OF state ON job WHEN NEW.state = 'queued' AND NEW.attempts_max > 1
      BEGIN UPDATE job SET state = 'dead', attempts_max = attempts_max - 1 WHERE seq = NEW.seq; END`);
    assert.deepEqual(await desk.replayDead(), { ok: true, value: DEAD_COUNT });
  }));

test("dead jobs are dropped page by page until none is left", () =>
  onDeadJobs(async (desk) => {
    assert.deepEqual(await desk.dropDead(), { ok: true, value: DEAD_COUNT });
    assert.deepEqual(await desk.counts(), { ok: true, value: [] });
  }));
