/** How many instances a process function has, when, for how long, and what ends a call or an instance: on a real server. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";
import { NO_PYTHON, type ProcessServer, pythonHandler, sh, startProcessServer } from "./support/process-server.ts";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-process-limits-"));
const WHO = 'return os.environ["PILOTLIGHT_INSTANCE"]';
/** Each waits for a file of its name. */
const GATED = `os.makedirs(os.path.dirname(${JSON.stringify(folder)} + request.path), exist_ok=True)\nwhile not os.path.exists(${JSON.stringify(folder)} + request.path): time.sleep(0.005)\nreturn "through"`;
let server: ProcessServer;

before(async () => {
  server = await startProcessServer(
    {
      "warm.py": pythonHandler(WHO),
      "brief.py": pythonHandler(WHO),
      "gate/[name].py": pythonHandler(GATED),
      "stuck.py": pythonHandler(`if "stuck" in request.query: time.sleep(600)\n${WHO}`),
      "stuck-once.sh": sh("sleep 600"),
      "hoard.py": pythonHandler(
        `if "hoard" in request.query:\n    kept = [bytearray(b"x" * 1048576) for _ in range(300) if not time.sleep(0.005)]\n${WHO}`,
      ),
      "fresh.py": pythonHandler(WHO),
      "twice.py": pythonHandler(WHO),
      "timely.py": pythonHandler(WHO),
    },
    {
      functions: {
        warm: { process: { min: 2, call: "ring" } },
        brief: { process: { idleTimeout: "150ms", stopTimeout: "2s" } },
        "gate/[name]": { process: { max: 1, queue: 1 } },
        stuck: { timeout: "400ms", process: { max: 1 } },
        "stuck-once": { timeout: "400ms", process: { call: "stdio", stopTimeout: "100ms" } },
        hoard: { memory: "96m" },
        fresh: { isolation: "request" },
        twice: { isolation: "bounded(2)" },
        timely: { isolation: "ttl(700ms)" },
      },
    },
  );
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function running(functionId: string): Promise<number> {
  return (await server.statsOf(functionId))?.process?.instances.Running ?? 0;
}

async function textOf(path: string): Promise<string> {
  const answer = await server.get(path);
  assert.equal(answer.status, 200);
  return answer.text();
}

async function refusal(path: string): Promise<[number, string]> {
  const answer = await server.get(path);
  return [answer.status, ((await answer.json()) as { error: { code: string } }).error.code];
}

test("instances that are always kept are there before anybody has called", { skip: NO_PYTHON }, async () => {
  await eventually("two run", async () => (await running("warm")) === 2);
  assert.equal((await server.statsOf("warm"))!.requests, 0);
  assert.equal(server.programsOf("warm").length, 2);
  const { starts } = (await server.statsOf("warm"))!.process!;
  await textOf("/warm");
  assert.equal((await server.statsOf("warm"))!.process!.starts.started.count, starts.started.count);
});

test("an idle function has no process, and a call gives it one again", { skip: NO_PYTHON }, async () => {
  const first = await textOf("/brief");
  await eventually("none is left", async () => (await running("brief")) === 0 && server.programsOf("brief").length === 0);
  assert.notEqual(await textOf("/brief"), first);
  const { starts, restarts } = (await server.statsOf("brief"))!.process!;
  assert.deepEqual([starts.started.count, restarts], [2, 0]);
});

test("where all instances are busy and the line is full, a call is refused at once and told when to come again", {
  skip: NO_PYTHON,
}, async () => {
  const first = server.get("/gate/one");
  await eventually("the first is at work", async () => (await server.statsOf("gate/[name]"))?.process?.busyInstances === 1);
  const second = server.get("/gate/two");
  await eventually("the second waits", async () => (await server.statsOf("gate/[name]"))?.process?.waitingCalls === 1);
  const third = await server.get("/gate/three");
  assert.deepEqual([third.status, third.headers.get("retry-after")], [503, "1"]);
  assert.match(await third.text(), /NO_INSTANCE.*All instances of gate\/\[name\] are busy/);
  for (const name of ["one", "two"]) writeFileSync(join(folder, "gate", name), "", { flag: "w" });
  assert.deepEqual(await Promise.all([first, second].map(async (answer) => (await answer).status)), [200, 200]);
});

test("a call that is not answered in time gets 504, and its instance is replaced", { skip: NO_PYTHON }, async () => {
  const before = await textOf("/stuck");
  assert.deepEqual(await refusal("/stuck?stuck"), [504, "CALL_TIMEOUT"]);
  await eventually("the stuck one is gone", async () => (await server.statsOf("stuck"))?.process?.restarts === 1);
  await eventually("another serves", async () => {
    const answer = await server.get("/stuck");
    return answer.status === 200 && (await answer.text()) !== before;
  });
  assert.equal(server.programsOf("stuck").length, 1);
});

test("so does one of a one-shot program, which is ended", async () => {
  assert.deepEqual(await refusal("/stuck-once"), [504, "CALL_TIMEOUT"]);
  await eventually("it is gone", () => server.programsOf("stuck-once").length === 0);
});

test("an instance that outgrows its memory is ended, its call told, and another serves", { skip: NO_PYTHON }, async () => {
  const before = await textOf("/hoard");
  assert.deepEqual(await refusal("/hoard?hoard"), [500, "MEMORY_LIMIT_EXCEEDED"]);
  assert.notEqual(await textOf("/hoard"), before);
  assert.equal((await server.statsOf("hoard"))!.outOfMemory, 1);
});

test("isolation says how many calls an instance answers, or for how long it takes them", { skip: NO_PYTHON }, async () => {
  const inTurn = async (path: string, count: number): Promise<string[]> => {
    const who: string[] = [];
    for (let call = 0; call < count; call++) who.push(await textOf(path));
    return who;
  };
  assert.equal(new Set(await inTurn("/fresh", 3)).size, 3);
  const [one, same, other] = await inTurn("/twice", 3);
  assert.ok(one === same && other !== same, `${[one, same, other]}`);
  const early = await textOf("/timely");
  await eventually("another has taken over", async () => (await textOf("/timely")) !== early);
  for (const id of ["fresh", "twice", "timely"])
    await eventually(`used instances of ${id} are gone`, () => server.programsOf(id).length <= 1);
});
