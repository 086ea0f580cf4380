/** The runner over a real table in memory; the functions and the clock are scripted. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { fail, ok } from "../../base/result.ts";
import type { JobsConfig } from "../../config/config.ts";
import type { Exchange } from "../../http/exchange.ts";
import { type JobStore, jobStore } from "../../store/job-store.ts";
import { JOB_DATABASE, JobTable } from "../../store/job-table.ts";
import type { StoreClient } from "../../store/store-client.ts";
import type { FunctionSpec } from "../function-spec.ts";
import { type JobEvent, JobRunner, type JobTarget } from "./job-runner.ts";

const POLICY = { concurrency: 4, keepMs: 1e9, keepDeadMs: 1e9, retryDelayMs: 1_000, retryDelayMaxMs: 1_000 } as JobsConfig;
const TICK_MS = 1_000;
const POOL_SIZE = 1;
/** Calls that the function has open. */
const ROOM = 0;
const NO_ROOM = POOL_SIZE;
const FULL = { code: "STORAGE_FULL", message: "the disk is full" } as const;

interface Scene {
  readonly database: DatabaseSync;
  readonly jobs: JobTable;
  readonly runner: JobRunner<JobTarget>;
  /** Of the functions that were called, and not answered by the test. */
  readonly calls: Exchange[];
  readonly events: JobEvent[];
  /** Codes of what was logged. */
  readonly logged: unknown[];
  readonly functions: JobTarget[];
  /** Lets a second pass until `holds`. */
  until(what: string, holds: () => boolean): Promise<void>;
}

function sceneOf(t: TestContext, change: (jobs: JobStore) => Partial<JobStore> = () => ({})): Scene {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const database = new DatabaseSync(":memory:");
  database.exec(JOB_DATABASE.schema);
  const jobs = new JobTable(database);
  const client = {
    run: async (_kind: string, _name: string, method: string, ...args: unknown[]) =>
      ok((jobs as unknown as Record<string, (...args: unknown[]) => unknown>)[method]!(...args)),
  };
  const store = jobStore(client as unknown as StoreClient);
  const calls: Exchange[] = [];
  const events: JobEvent[] = [];
  const logged: unknown[] = [];
  const functions = [mail(ROOM)];
  return {
    database,
    jobs,
    calls,
    events,
    logged,
    functions,
    runner: new JobRunner<JobTarget>(
      { ...store, ...change(store) },
      {
        policy: POLICY,
        log: (_level, _message, { code }) => void logged.push(code),
        targets: () => functions,
        call: (exchange) => void calls.push(exchange),
        tell: (event) => void events.push(event),
      },
    ),
    async until(what, holds) {
      for (let ticks = 0; ticks < 100; ticks++) {
        if (holds()) return;
        t.mock.timers.tick(TICK_MS);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.fail(`it never came to this: ${what}`);
    },
  };
}

function mail(inFlight: number): JobTarget {
  return { spec: { id: "mail", file: "mail.ts", route: "/mail", poolSize: POOL_SIZE } as FunctionSpec, inFlight };
}

function enqueue({ jobs, runner }: Scene, attemptsMax: number): string {
  const { id } = jobs.enqueue({ queue: "topic/mail", payload: Buffer.from("{}"), attemptsMax });
  runner.wake();
  return id;
}

function stateOf({ jobs }: Scene, id: string): readonly [state: string, attemptCount: number] {
  const { state, attemptCount } = jobs.get(id)!;
  return [state, attemptCount];
}

test("a job that outlasts the grace of a server that stops is queued again with the attempts it had", async (t) => {
  const scene = sceneOf(t);
  const id = enqueue(scene, 1);
  await scene.until("it is called", () => scene.calls.length === 1);
  assert.deepEqual(stateOf(scene, id), ["running", 1]);
  let drained = false;
  void scene.runner.drain(TICK_MS).then(() => {
    drained = true;
  });
  await scene.until("the server has stopped", () => drained);
  assert.equal(scene.calls[0]!.aborted, true);
  assert.deepEqual(stateOf(scene, id), ["queued", 0]);
  assert.deepEqual(scene.events, ["waiting"], "others are told, and no attempt is counted");
});

test("a job that waits for a place in its function's pool is not begun by a server that stops", async (t) => {
  const scene = sceneOf(t);
  scene.functions[0] = mail(NO_ROOM);
  const id = enqueue(scene, 1);
  await scene.until("it is leased", () => stateOf(scene, id)[0] === "running");
  let drained = false;
  void scene.runner.drain(TICK_MS).then(() => {
    drained = true;
  });
  scene.functions[0] = mail(ROOM);
  await scene.until("the server has stopped", () => drained);
  assert.deepEqual([stateOf(scene, id), scene.calls], [["queued", 0], []]);
});

test("a message whose function is removed before it begins keeps its attempts", async (t) => {
  const scene = sceneOf(t);
  scene.functions[0] = mail(NO_ROOM);
  const id = enqueue(scene, 1);
  await scene.until("it is leased", () => stateOf(scene, id)[0] === "running");
  scene.functions.pop();
  scene.runner.deployed();
  await scene.until("it is given back", () => stateOf(scene, id)[0] === "queued");
  assert.equal(stateOf(scene, id)[1], 0);
});

test("a function is called once for a job whose end can't be written down for long", async (t) => {
  let refused = 0;
  const scene = sceneOf(t, (jobs) => ({
    complete: async (...args) => (refused++ < 20 ? fail(FULL) : jobs.complete(...args)),
  }));
  const id = enqueue(scene, 5);
  await scene.until("it is called", () => scene.calls.length === 1);
  scene.calls[0]!.respond(200, "", "the answer");
  await scene.until("it is done", () => stateOf(scene, id)[0] === "done");
  assert.deepEqual([stateOf(scene, id), scene.calls.length, scene.events], [["done", 1], 1, ["done"]]);
});

test("after a disk was full, a job is not taken from a worker that could not extend its lease", async (t) => {
  let looks = 0;
  const scene = sceneOf(t, (jobs) => ({
    lease: async (...args) => (looks++ === 0 ? fail(FULL) : jobs.lease(...args)),
  }));
  const id = enqueue(scene, 5);
  const ended = 0;
  const [held] = scene.jobs.lease(["topic/mail"], 1, ended);
  await scene.until("it has looked again", () => looks > 2);
  assert.deepEqual([scene.jobs.extend(id, held!.lease, TICK_MS), scene.calls], [true, []]);
});

test("a job whose lease is lost while it waits for a place is not begun", async (t) => {
  const scene = sceneOf(t);
  scene.functions[0] = mail(NO_ROOM);
  const id = enqueue(scene, 5);
  await scene.until("it is leased", () => stateOf(scene, id)[0] === "running");
  scene.database.exec("UPDATE job SET lease = 'of another worker'");
  await scene.until("it is let go", () => scene.logged.includes("JOB_LEASE_LOST"));
  assert.deepEqual([stateOf(scene, id), scene.calls], [["running", 1], []]);
});
