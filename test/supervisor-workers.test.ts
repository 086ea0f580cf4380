/**
 * The supervisor and its workers, with real processes and sockets and a
 * scripted worker: start, death, restart, drain, reload.
 */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { FunctionSpec } from "../src/serve/function-spec.ts";
import type { WorkerExit } from "../src/serve/worker-process.ts";
import { whileBootsCrash } from "./support/boot-crash.ts";
import { createFleet, eventually, type Fleet, spec } from "./support/fake-fleet.ts";
import { isRunning } from "./support/processes.ts";
import { unusedPort } from "./support/unused-port.ts";

let fleet: Fleet;
afterEach(() => fleet.stop());

async function started(...args: Parameters<typeof createFleet>): Promise<Fleet> {
  fleet = createFleet(...args);
  const outcome = await fleet.supervisor.start();
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return fleet;
}

const messages = (): unknown[] => fleet.records.map((record) => record["message"]);

async function pids(): Promise<Set<unknown>> {
  const answers = await Promise.all(Array.from({ length: 24 }, () => fleet.get("/pid")));
  return new Set(answers);
}

test("port 0 is decided by the first worker and shared by the others", { skip: process.platform !== "linux" }, async () => {
  await started([spec("hello")], { workerCount: 2 });
  assert.notEqual(fleet.port, 0);
  assert.equal((await pids()).size, 2);
});

test("a worker that dies is replaced while the other serves on", { skip: process.platform !== "linux" }, async () => {
  await started([spec("hello")], { workerCount: 2 });
  const before = await pids();
  await fleet.get("/die/SIGKILL").catch(() => {});
  const after = await eventually("two workers again", async () => {
    const now = await pids();
    return now.size === 2 && [...now].some((pid) => !before.has(pid)) ? now : null;
  });
  assert.equal([...after].filter((pid) => before.has(pid)).length, 1);
  assert.ok(messages().includes("worker died"));
  assert.equal(fleet.supervisor.restartsByReason.signal, 1);
});

test("the log says when the successor of a dead worker listens", async () => {
  await started([spec("hello")]);
  assert.ok(!messages().includes("worker 0 is back"), "a first start is no return");
  await fleet.get("/die/SIGKILL").catch(() => {});
  const back = await eventually("it is back", () => fleet.records.find((record) => record["message"] === "worker 0 is back"));
  assert.equal(back["pid"], await fleet.get("/pid"));
  assert.deepEqual([back["level"], back["worker"], typeof back["bootMs"]], ["info", "0", "number"]);
});

test("a reload says what it changed: code, settings, what is new and what is gone", async () => {
  const bundle = { hash: "h", codeFile: "", mapFile: "", codeCacheFile: "", methods: null, tracksAsyncContext: false };
  const built = ["a", "b", "c"].map((id) => spec(id, { bundle }));
  await started(built);
  const [a, b] = built as [FunctionSpec, FunctionSpec];
  const reloaded = async (functions: FunctionSpec[]): Promise<unknown> => {
    fleet.plan.functions = functions;
    await fleet.supervisor.reload();
    return messages().findLast((message) => String(message).startsWith("reloaded: "));
  };
  assert.equal(await reloaded(built), "reloaded: no function changed");
  const saved = { ...a, bundle: { ...bundle, hash: "other" } };
  assert.equal(await reloaded([saved, { ...b, timeoutMs: 7 }, spec("d")]), "reloaded: a, b, d, c (removed)");
  const many = Array.from({ length: 7 }, (_, index) => spec(`m${index}`));
  assert.equal(await reloaded([saved, { ...b, timeoutMs: 7 }, spec("d"), ...many]), "reloaded: m0, m1, m2, m3, m4 and 2 more");
});

test("the port survives the death of the only worker, and no other server gets it meanwhile", async () => {
  const { port } = await started([spec("hello")], { port: await unusedPort() });
  const pid = await fleet.get("/pid");
  await fleet.get("/exit/3").catch(() => {});
  const rival = createFleet([], { port });
  const refused = await rival.supervisor.start();
  await rival.stop();
  assert.ok(!refused.ok);
  assert.equal(refused.failure[0]?.code, "PORT_IN_USE");
  const next = await eventually("a new worker", () => fleet.get("/pid"));
  assert.notEqual(next, pid);
});

test("a worker whose loop stands still is killed and replaced", async () => {
  await started([spec("spin")]);
  const pid = await fleet.get("/pid");
  fleet.get("/hang/spin").catch(() => {});
  await eventually("a new worker", async () => (await fleet.get("/pid")) !== pid, 30_000);
  const death = fleet.records.find((record) => record["message"] === "worker died");
  assert.equal(death?.["how"], "it was silent for too long");
  assert.deepEqual(death?.["suspects"], ["spin"]);
});

test("workers that never come up end the start with one failure", async () => {
  await whileBootsCrash(async () => {
    fleet = createFleet([]);
    const outcome = await fleet.supervisor.start();
    assert.ok(!outcome.ok);
    assert.equal(outcome.failure[0]?.code, "WORKER_BOOT_FAILED");
    assert.match(outcome.failure[0]?.message ?? "", /exit code 9/);
  });
});

test("stop waits for calls in flight; then nothing listens", async () => {
  await started([spec("hello")]);
  const slow = fleet.get("/slow/400");
  await eventually("the call is in flight", () => (fleet.supervisor.slots[0]?.worker?.inFlight.length ?? 0) > 0);
  await fleet.supervisor.stop();
  assert.equal(await slow, "slow");
  await assert.rejects(fleet.get("/pid"), /ECONNREFUSED/);
});

test("a forced stop does not wait", async () => {
  await started([spec("hello")]);
  const slow = fleet.get("/slow/600000").catch((error: Error) => error);
  await eventually("the call is in flight", () => (fleet.supervisor.slots[0]?.worker?.inFlight.length ?? 0) > 0);
  const drained = fleet.supervisor.stop();
  await fleet.supervisor.stop({ force: true });
  await drained;
  assert.ok((await slow) instanceof Error);
});

test("a drain that outlasts its grace is cut short by the worker itself", async (t) => {
  await started([spec("hello")], {}, { drainGraceMs: 100 });
  const slow = fleet.get("/slow/600000").catch((error: Error) => error);
  await eventually("the call is in flight", () => (fleet.supervisor.slots[0]?.worker?.inFlight.length ?? 0) > 0);
  const worker = fleet.supervisor.slots[0]!.worker!;
  const onExit = t.mock.method(worker as { onExit: (exit: WorkerExit) => void }, "onExit");
  await fleet.supervisor.stop();
  assert.ok((await slow) instanceof Error);
  // It ended its calls itself and left in order: its last counts and log lines have come.
  assert.deepEqual(onExit.mock.calls[0]?.arguments, [{ code: 0, signal: null }]);
});

/** Of both workers, most likely: each answer is whichever worker's the kernel chose. */
async function versions(): Promise<Set<unknown>> {
  return new Set(await Promise.all(Array.from({ length: 24 }, () => fleet.get("/version"))));
}

test("a reload is over when every worker serves it", { skip: process.platform !== "linux" }, async () => {
  await started([spec("hello")], { workerCount: 2 });
  assert.deepEqual(await versions(), new Set([1]));
  await fleet.get("/next/later/300");
  assert.ok((await fleet.supervisor.reload()).ok);
  assert.deepEqual(await versions(), new Set([2]));
});

test("a reload does not wait for a worker that has died of it, and its successor serves what is new", async () => {
  await started([spec("hello")]);
  const pid = await fleet.get("/pid");
  await fleet.get("/next/SIGKILL");
  assert.ok((await fleet.supervisor.reload()).ok);
  await eventually("a new worker", async () => (await fleet.get("/pid")) !== pid);
  assert.equal(await fleet.get("/version"), 2);
});

test("reloads that are asked for at once come one after another, and each is over in its turn", async () => {
  await started([spec("hello")]);
  await fleet.get("/next/later/50");
  const served = await Promise.all([1, 2, 3].map(() => fleet.supervisor.reload().then(() => fleet.get("/version"))));
  for (const [index, version] of served.entries()) assert.ok(Number(version) >= index + 2, `reload ${index + 1}: version ${version}`);
});

test("a reload that needs rights which no worker has is over when those that have them took over", async () => {
  await started([spec("hello")]);
  const before = fleet.supervisor.slots[0]!.worker;
  fleet.plan.functions = [spec("hello", { folders: [{ hostPath: fleet.dataDir, guestName: "/data", isWritable: true }] })];
  assert.ok((await fleet.supervisor.reload()).ok);
  const { worker, listening } = fleet.supervisor.slots[0]!;
  assert.notEqual(worker, before);
  assert.deepEqual([worker?.rights.writableFolders, listening], [[fleet.dataDir], true]);
  assert.equal(fleet.supervisor.restartsByReason.rights, 1);
});

test("a reload that can't be made keeps the old deployment", async () => {
  await started([spec("hello")]);
  assert.ok((await fleet.supervisor.reload()).ok);
  fleet.plan.failures = [{ code: "SOURCE_UNREADABLE", message: "Cannot read the functions" }];
  assert.ok(!(await fleet.supervisor.reload()).ok);
  assert.equal(await fleet.get("/version"), 2);
  assert.ok(messages().includes("The old deployment stays: Cannot read the functions"));
});

test("a function is built once however many ask, and later workers know the bundle", async () => {
  await started([spec("hello")]);
  await Promise.all([fleet.get("/build/hello"), fleet.get("/build/hello")]);
  assert.deepEqual(fleet.builds, ["hello"]);
  assert.equal(fleet.supervisor.live.specOf("hello")?.bundle?.hash, "h");
  assert.equal(await fleet.get("/build/gone"), null);
});

test("a worker above its memory ceiling is replaced without a refused connection", { skip: process.platform !== "linux" }, async (t) => {
  await started([spec("hello")]);
  const worker = fleet.supervisor.slots[0]?.worker;
  // Only workers that have lived for a while are replaced: this one is made to look old.
  t.mock.getter(worker!, "livedMs", () => 60_000);
  const pid = await fleet.get("/pid");
  await fleet.get("/fat/2000000");
  await eventually("another worker", async () => (await fleet.get("/pid")) !== pid);
  assert.equal(fleet.supervisor.restartsByReason.memory, 1);
});

/** Successors die at boot while this runs; resolves when `count` of them have. */
async function withDyingSuccessors(count: number, replace: () => Promise<unknown>): Promise<void> {
  const deaths = (): number => messages().filter((message) => message === "worker died").length;
  await whileBootsCrash(async () => {
    await replace();
    await eventually(`${count} successors died`, () => deaths() >= count);
  });
}

test("a runaway is replaced even when its first successor dies at boot", { skip: process.platform !== "linux" }, async () => {
  await started([spec("hello")]);
  const pid = (await fleet.get("/pid")) as number;
  await withDyingSuccessors(1, () => fleet.get("/runaway/hello"));
  await eventually("another worker", async () => (await fleet.get("/pid")) !== pid);
  assert.equal(fleet.supervisor.restartsByReason.runaway, 1);
  await eventually("it has gone", () => !isRunning(pid));
});

test("a runaway whose successors can't boot beside it makes room for them", { skip: process.platform !== "linux" }, async () => {
  await started([spec("hello")]);
  const pid = (await fleet.get("/pid")) as number;
  await withDyingSuccessors(3, async () => {
    await fleet.get("/runaway/hello");
    await eventually("it has gone", () => !isRunning(pid));
  });
  await eventually("another worker", async () => (await fleet.get("/pid")) !== pid);
});

test("a worker above its ceiling serves on while its successors die", { skip: process.platform !== "linux" }, async (t) => {
  await started([spec("hello")]);
  const worker = fleet.supervisor.slots[0]?.worker;
  t.mock.getter(worker!, "livedMs", () => 60_000);
  const pid = await fleet.get("/pid");
  await withDyingSuccessors(3, async () => {
    await fleet.get("/fat/2000000");
    await eventually("the third", () => (fleet.supervisor.slots[0]?.failedBoots ?? 0) >= 3);
    assert.equal(await fleet.get("/pid"), pid);
  });
  await eventually("another worker", async () => (await fleet.get("/pid")) !== pid);
  assert.equal(fleet.supervisor.restartsByReason.memory, 1);
});

test("where ports can't be shared, the supervisor hands connections over in turn", async () => {
  await started([spec("hello")], { workerCount: 2 }, { handsOff: true });
  assert.equal((await pids()).size, 2);
});

test("workers don't inherit the server's secrets", async () => {
  const secrets = ["DATABASE_PASSWORD", "PILOTLIGHT_ADMIN_TOKEN", "NODE_AUTH_TOKEN"];
  for (const name of secrets) process.env[name] = "hunter2";
  try {
    await started([spec("hello")], { admin: { host: "127.0.0.1", port: 0, named: true, token: "hunter2", tls: null } });
    const env = (await fleet.get("/env")) as Record<string, string>;
    for (const name of secrets) assert.equal(env[name], undefined, name);
    assert.ok(env["PATH"]);
    assert.ok(!JSON.stringify(await fleet.get("/config")).includes("hunter2"), "the admin token is in what the worker is told");
  } finally {
    for (const name of secrets) delete process.env[name];
  }
});

test("a reload that throws is in the log, and the next one is made", async () => {
  let fault: Error | null = new Error("a fault of ours");
  const reconfigure = async () => {
    if (fault !== null) throw fault;
    return { ok: true, value: fleet.supervisor.config } as const;
  };
  fleet = createFleet([spec("hello")], {}, { reconfigure });
  assert.ok((await fleet.supervisor.start()).ok);
  const reloaded = await fleet.supervisor.reload();
  assert.equal(reloaded.ok ? "" : reloaded.failure[0]?.code, "RELOAD_FAILED");
  const record = fleet.records.find((one) => one["code"] === "RELOAD_FAILED");
  assert.equal(record?.["level"], "error");
  assert.match(String(record?.["message"]), /The old deployment stays.*a fault of ours/);
  fault = null;
  assert.ok((await fleet.supervisor.reload()).ok);
});

test("a stop gives up the builds that still run", async () => {
  const givenUp = Promise.withResolvers<void>();
  fleet = createFleet(
    [spec("hello")],
    {},
    {
      workshop: {
        makeDeployment: async (_, version) => ({ deployment: { version, functions: [spec("hello")] }, notices: [], failures: [] }),
        check: async () => ({ ok: true, value: null }),
        build: (_, __, signal) =>
          new Promise((_resolve, reject) => {
            signal.addEventListener("abort", () => {
              reject(signal.reason);
              givenUp.resolve();
            });
          }),
        snapshotFile: async () => "",
      },
    },
  );
  assert.ok((await fleet.supervisor.start()).ok);
  const build = fleet.supervisor.live.build("hello");
  await fleet.supervisor.stop();
  await givenUp.promise;
  assert.equal((await build).failure?.code, "BUILD_FAILED");
});
