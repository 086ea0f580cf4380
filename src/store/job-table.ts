/**
 * Job table: the state of jobs and the moves between states. Synchronous; runs
 * on the store thread, inside a transaction that is written through before
 * anybody hears of it. A job whose lease has ended may be taken by anyone; whoever
 * held it learns so from its next move, which does nothing. Until somebody takes
 * it, it is still its holder's.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { builtin } from "../base/builtin.ts";
import { GIB } from "../base/units.ts";
import { ClockLeaps, wallClockOffsetMs } from "./clock-leaps.ts";
import { type DatabaseKind, NOW_MS } from "./database.ts";
import type { Job, JobCounts, JobFilter, JobSummary, LeasedJob, NewJob } from "./job.ts";

export const JOB_DATABASE: DatabaseKind = {
  version: 1,
  synchronous: "full",
  maxBytes: 16 * GIB,
  schema: `
    CREATE TABLE job (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, queue TEXT NOT NULL, state TEXT NOT NULL, meta TEXT,
      attempts INTEGER NOT NULL DEFAULT 0, attempts_max INTEGER NOT NULL, created_at INTEGER NOT NULL, run_at INTEGER NOT NULL,
      finished_at INTEGER, lease TEXT, error TEXT, idempotency_key TEXT, result_meta TEXT, result BLOB, payload BLOB NOT NULL);
    CREATE INDEX job_due ON job (queue, run_at, seq) WHERE state IN ('queued', 'running');
    CREATE INDEX job_by_state ON job (state, seq);
    CREATE INDEX job_finished ON job (finished_at) WHERE state = 'done';
    CREATE UNIQUE INDEX job_once ON job (queue, idempotency_key) WHERE idempotency_key IS NOT NULL;`,
};

const ATTEMPTS_MAX_DEFAULT = 5;
const LIST_MAX = 1_000;
/** One sweep must not keep other requests waiting. */
const SWEEP_MAX_COUNT = 1_000;
const ERROR_MAX_LENGTH = 4_096;
const LOST = "its worker was lost during the last attempt, or took longer than its lease";

const SUMMARY = `id, queue, state, meta, attempts AS attemptCount, attempts_max AS attemptsMax, created_at AS createdAtMs,
  run_at AS runAtMs, finished_at AS finishedAtMs, error, result_meta AS resultMeta`;
const WHOLE = `${SUMMARY}, payload, result`;

export class JobTable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #leaps: ClockLeaps;
  /** Leases that seem to have ended are not taken for so before this. */
  #sparedUntilMs = 0;

  constructor(database: DatabaseSync, offsetMs = wallClockOffsetMs) {
    this.#database = database;
    this.#leaps = new ClockLeaps(offsetMs);
  }

  enqueue(job: NewJob): { id: string; isNew: boolean } {
    const key = job.idempotencyKey ?? null;
    const known =
      key === null ? undefined : this.#prepared("SELECT id FROM job WHERE queue = ? AND idempotency_key = ?").get(job.queue, key);
    if (known !== undefined) return { id: known["id"] as string, isNew: false };
    const id = builtin.crypto.randomBytes(16).toString("hex");
    this.#prepared(
      `INSERT INTO job (id, queue, state, meta, attempts_max, created_at, run_at, idempotency_key, payload)
       VALUES (?, ?, 'queued', ?, ?, ${NOW_MS}, ${NOW_MS} + ?, ?, ?)`,
    ).run(id, job.queue, job.meta ?? null, job.attemptsMax ?? ATTEMPTS_MAX_DEFAULT, job.delayMs ?? 0, key, job.payload);
    return { id, isNew: true };
  }

  /**
   * The oldest that are due in these queues, now running; each for `leaseMs`.
   * `couldNotExtend`: leases that seem to have ended may be of workers that could
   * not write either. They get as long as they may take to say that they live.
   */
  lease(queues: readonly string[], count: number, leaseMs: number, couldNotExtend = false): LeasedJob[] {
    if (this.#leaps.leapt() || couldNotExtend) this.#sparedUntilMs = Date.now() + leaseMs;
    const due = `queue IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'running') AND run_at <= ${NOW_MS}
      AND (state = 'queued' OR ? <= ${NOW_MS})`;
    const whichAreDue = [JSON.stringify(queues), this.#sparedUntilMs] as const;
    // The lease stays: should its holder live after all, the job is as it was.
    this.#prepared(
      `UPDATE job SET state = 'dead', error = ?, finished_at = ${NOW_MS} WHERE state = 'running' AND attempts >= attempts_max AND ${due}`,
    ).run(LOST, ...whichAreDue);
    const found = this.#prepared(`SELECT seq FROM job WHERE ${due} ORDER BY run_at, seq LIMIT ?`).all(...whichAreDue, count);
    const take = this.#prepared(
      `UPDATE job SET state = 'running', attempts = attempts + 1, run_at = ${NOW_MS} + ?, lease = ? WHERE seq = ? RETURNING ${WHOLE}, lease`,
    );
    return found.map(
      ({ seq }) => ({ ...take.get(leaseMs, builtin.crypto.randomBytes(16).toString("hex"), seq as number) }) as unknown as LeasedJob,
    );
  }

  /** False when the lease has been lost. */
  extend(id: string, lease: string, leaseMs: number): boolean {
    return this.#changes(
      `UPDATE job SET state = 'running', finished_at = NULL, run_at = ${NOW_MS} + ? WHERE id = ? AND lease = ?`,
      leaseMs,
      id,
      lease,
    );
  }

  complete(id: string, lease: string, result: Uint8Array | null, resultMeta: string | null): boolean {
    return this.#changes(
      `UPDATE job SET state = 'done', lease = NULL, finished_at = ${NOW_MS}, result = ?, result_meta = ? WHERE id = ? AND lease = ?`,
      result,
      resultMeta,
      id,
      lease,
    );
  }

  /** Due again after `delayMs`, or dead when its attempts are used up. What it has become; null when the lease has been lost. */
  retry(id: string, lease: string, error: string, delayMs: number): "queued" | "dead" | null {
    const row = this.#prepared(
      `UPDATE job SET lease = NULL, error = ?, run_at = ${NOW_MS} + ?, state = iif(attempts >= attempts_max, 'dead', 'queued'),
         finished_at = iif(attempts >= attempts_max, ${NOW_MS}, NULL) WHERE id = ? AND lease = ? RETURNING state`,
    ).get(error.slice(0, ERROR_MAX_LENGTH), delayMs, id, lease);
    return (row?.["state"] as "queued" | "dead" | undefined) ?? null;
  }

  /** Given up at once. */
  bury(id: string, lease: string, error: string): boolean {
    return this.#changes(
      `UPDATE job SET state = 'dead', lease = NULL, error = ?, finished_at = ${NOW_MS} WHERE id = ? AND lease = ?`,
      error.slice(0, ERROR_MAX_LENGTH),
      id,
      lease,
    );
  }

  /** Due again at once, and the attempt doesn't count: the server broke it off, or never began it. */
  giveBack(id: string, lease: string): boolean {
    return this.#changes(
      `UPDATE job SET state = 'queued', attempts = attempts - 1, lease = NULL, finished_at = NULL, run_at = ${NOW_MS} WHERE id = ? AND lease = ?`,
      id,
      lease,
    );
  }

  /** A dead or done job is queued again, with all its attempts. */
  replay(id: string): boolean {
    return this.#changes(
      `UPDATE job SET state = 'queued', attempts = 0, lease = NULL, run_at = ${NOW_MS}, finished_at = NULL, error = NULL, result = NULL, result_meta = NULL
       WHERE id = ? AND state IN ('dead', 'done')`,
      id,
    );
  }

  /** Forgets a job that nobody is running. */
  drop(id: string): boolean {
    return this.#changes(`DELETE FROM job WHERE id = ? AND (state <> 'running' OR run_at <= ${NOW_MS})`, id);
  }

  get(id: string): Job | null {
    const row = this.#prepared(`SELECT ${WHOLE} FROM job WHERE id = ?`).get(id);
    return row === undefined ? null : ({ ...row } as unknown as Job);
  }

  /** Newest first. */
  list({ state, queue, limit = LIST_MAX, before }: JobFilter): JobSummary[] {
    const rows = this.#prepared(
      `SELECT ${SUMMARY} FROM job WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR queue = ?2)
         AND seq < coalesce((SELECT seq FROM job WHERE id = ?3), 9e18) ORDER BY seq DESC LIMIT ?4`,
    ).all(state ?? null, queue ?? null, before ?? null, Math.min(limit, LIST_MAX));
    return rows.map((row) => ({ ...row })) as unknown as JobSummary[];
  }

  counts(): JobCounts {
    const rows = this.#prepared("SELECT queue, state, count(*) AS count FROM job GROUP BY queue, state ORDER BY queue, state").all();
    return rows.map((row) => ({ ...row })) as unknown as JobCounts;
  }

  /** Milliseconds until something is due in these queues (0 when it is now); null when nothing waits. */
  dueInMs(queues: readonly string[]): number | null {
    const row = this.#prepared(
      `SELECT max(0, min(iif(state = 'running', max(run_at, ?), run_at)) - ${NOW_MS}) AS ms FROM job
       WHERE queue IN (SELECT value FROM json_each(?)) AND state IN ('queued', 'running')`,
    ).get(this.#sparedUntilMs, JSON.stringify(queues));
    return (row?.["ms"] as number | null) ?? null;
  }

  /** Forgets what has been over for longer than it is kept. How many there were; a full sweep's worth may have left some. */
  sweep(keepMs: number, keepDeadMs: number): number {
    const swept = this.#prepared(
      `DELETE FROM job WHERE seq IN (SELECT seq FROM job WHERE state = 'done' AND finished_at <= ${NOW_MS} - ? ORDER BY finished_at LIMIT ?)`,
    ).run(keepMs, SWEEP_MAX_COUNT);
    const dead = this.#prepared(
      `DELETE FROM job WHERE seq IN (SELECT seq FROM job WHERE state = 'dead' AND finished_at <= ${NOW_MS} - ? LIMIT ?)`,
    ).run(keepDeadMs, SWEEP_MAX_COUNT);
    return Number(swept.changes) + Number(dead.changes);
  }

  #changes(sql: string, ...values: (string | number | Uint8Array | null)[]): boolean {
    return this.#prepared(sql).run(...values).changes === 1;
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
