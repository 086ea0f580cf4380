/** What becomes of jobs when a worker, the whole server or the disk fails in the middle. Leases end after 12 seconds: so long may a test wait. */
import assert from "node:assert/strict";
import { type ChildProcess, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openStore } from "../src/store/store.ts";
import { startPilotlight } from "./support/cli.ts";
import { eventually } from "./support/fake-fleet.ts";
import { startServer } from "./support/server.ts";
import { unusedPort } from "./support/unused-port.ts";

const ASYNC = { prefer: "respond-async" };
const DEADLINE_MS = 60_000;
/** Its first attempt never ends; the next ones do at once. */
const SECOND = `export default async (request) => {
  if (request.headers.get("x-pilotlight-attempt") === "1") await new Promise((resolve) => setTimeout(resolve, 60_000));
  return new Response("attempt " + request.headers.get("x-pilotlight-attempt"));
}`;
const ECHO = `export default async (request) => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return new Response(await request.text());
}`;

const root = mkdtempSync(join(tmpdir(), "pilotlight-jobs-death-"));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

interface Server {
  readonly url: string;
  readonly child: ChildProcess;
}

async function serve(folder: string, dataDir: string): Promise<Server> {
  const port = await unusedPort();
  const args = ["serve", folder, "-p", String(port), "-w", "2", "-q", "--admin", "off", "--data-dir", dataDir];
  const child = startPilotlight(args, { cwd: root });
  children.push(child);
  child.stdout!.resume();
  child.stderr!.resume();
  const url = `http://127.0.0.1:${port}`;
  await eventually("the server answers", async () => (await fetch(`${url}/_ready`)).ok);
  return { url, child };
}

/** Of the answer as it is in the end. */
async function resultOf(url: string): Promise<string> {
  const answer = await eventually(
    `${url} has a result`,
    async () => {
      const one = await fetch(url);
      return one.status === 202 ? null : one;
    },
    DEADLINE_MS,
  );
  return `${answer.status} ${await answer.text()}`;
}

test("a worker is killed with SIGKILL while it runs jobs: another attempt is made, or the job is dead if that was its last", async () => {
  const dataDir = join(root, "worker-data");
  const server = await startServer({ "second.ts": SECOND }, { workers: 2, timeout: "2m", dataDir });
  const store = openStore({ dataDir, onStuck: () => assert.fail("a statement is stuck") });
  try {
    const meta = { method: "GET", target: "/second", headerBlock: "", host: "x", secure: false, remoteAddress: "::1", params: null };
    const last = await store.jobs.enqueue({ queue: "call/second", payload: new Uint8Array(0), meta: JSON.stringify(meta), attemptsMax: 1 });
    assert.ok(last.ok);
    const url = new URL((await server.get("/second", { headers: ASYNC })).headers.get("location")!, server.url).href;
    await eventually("both run", async () => {
      const running = await store.jobs.list({ state: "running" });
      return running.ok && running.value.length === 2;
    });
    const { workers } = (await (await fetch(new URL("/v1/stats", server.adminUrl))).json()) as { workers: { pid: number }[] };
    // Whichever of them has it.
    for (const { pid } of workers) process.kill(pid, "SIGKILL");
    assert.equal(await resultOf(url), "200 attempt 2");
    assert.match(await resultOf(new URL(`/_jobs/${last.value.id}`, server.url).href), /^500 .*JOB_DEAD/);
    const dead = await store.jobs.get(last.value.id);
    assert.match((dead.ok && dead.value?.error) || "", /its worker was lost/);
  } finally {
    await store.close();
    await server.stop();
  }
});

test("the whole server is killed with SIGKILL while jobs come in and run: every one that was acknowledged has its result", async () => {
  const folder = join(root, "killed");
  const dataDir = join(root, "killed-data");
  mkdirSync(folder);
  writeFileSync(join(folder, "echo.ts"), ECHO);
  const first = await serve(folder, dataDir);
  const acknowledged = new Map<string, string>();
  let refused = 0;
  const client = async (name: string): Promise<void> => {
    for (let count = 0; refused < 1; count++) {
      const body = `${name}-${count}`;
      try {
        const answer = await fetch(`${first.url}/echo`, { method: "POST", body, headers: ASYNC });
        if (answer.status === 202) acknowledged.set(answer.headers.get("location")!, body);
      } catch {
        refused++;
      }
      if (acknowledged.size === 200) first.child.kill("SIGKILL");
    }
  };
  await Promise.all(["a", "b", "c", "d"].map(client));
  assert.ok(acknowledged.size >= 200, "it was killed too early");

  const second = await serve(folder, dataDir);
  const results = await Promise.all([...acknowledged].map(async ([path, body]) => [await resultOf(second.url + path), `200 ${body}`]));
  for (const [got, wanted] of results) assert.equal(got, wanted);
  second.child.kill("SIGTERM");
  await once(second.child, "exit");
});

test("a server that is told to stop ends the job it runs, and leaves the others to its successor", async () => {
  const folder = join(root, "stopped");
  const dataDir = join(root, "stopped-data");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "slow.ts"),
    `export default async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 600));
    return new Response("attempt " + request.headers.get("x-pilotlight-attempt"));
  }`,
  );
  const first = await serve(folder, dataDir);
  const paths: string[] = [];
  for (let count = 0; count < 40; count++) paths.push((await fetch(`${first.url}/slow`, { headers: ASYNC })).headers.get("location")!);
  first.child.kill("SIGTERM");
  const [code] = (await once(first.child, "exit")) as [number | null];
  assert.equal(code, 0);
  const second = await serve(folder, dataDir);
  for (const path of paths) assert.equal(await resultOf(second.url + path), "200 attempt 1");
  second.child.kill("SIGTERM");
  await once(second.child, "exit");
});

test("a full disk refuses jobs in plain words, and loses none that it took", async (t) => {
  const dataDir = join(root, "full-data");
  const store = join(dataDir, "store");
  mkdirSync(store, { recursive: true });
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", store]).status !== 0) {
    t.skip("needs the right to mount a small tmpfs");
    return;
  }
  const server = await startServer({ "echo.ts": ECHO }, { dataDir, jobs: { retryDelay: "50ms", attempts: 100 } });
  try {
    const acknowledged = new Map<string, string>();
    let refusal = "";
    for (let count = 0; refusal === "" && count < 100; count++) {
      const body = `${count} `.repeat(50_000);
      const answer = await server.get("/echo", { method: "POST", body, headers: ASYNC });
      if (answer.status === 202) acknowledged.set(answer.headers.get("location")!, body);
      else {
        assert.deepEqual([answer.status, answer.headers.get("retry-after")], [503, "5"]);
        refusal = await answer.text();
      }
    }
    assert.match(refusal, /JOB_NOT_QUEUED.*Nothing was queued: the server's storage is full/);
    assert.ok(acknowledged.size > 0);
    assert.equal(await (await server.get("/echo", { method: "POST", body: "at once" })).text(), "at once");
    spawnSync("mount", ["-o", "remount,size=64m", store]);
    for (const [path, body] of acknowledged) assert.equal(await resultOf(server.url + path), `200 ${body}`);
  } finally {
    await server.stop();
    spawnSync("umount", [store]);
  }
});
