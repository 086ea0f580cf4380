/**
 * Life and death of processes: a worker killed under load costs only its own
 * requests, a dead supervisor leaves nobody behind, and a reload costs nothing.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readFlightRecord } from "../src/serve/flight-record.ts";
import { startServer, writeFunctions } from "./support/server.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

interface Tally {
  ok: number;
  failed: number;
}

/** `clientCount` closed loops against one path until `stop` is called. */
function load(url: string, clientCount: number): { stop: () => Promise<Tally> } {
  let running = true;
  const tally: Tally = { ok: 0, failed: 0 };
  const client = async (): Promise<void> => {
    while (running) {
      try {
        const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
        const text = await answer.text();
        if (answer.status === 200 && text.startsWith("v")) tally.ok++;
        else tally.failed++;
      } catch {
        tally.failed++;
      }
    }
  };
  const clients = Array.from({ length: clientCount }, client);
  return {
    async stop() {
      running = false;
      await Promise.all(clients);
      return tally;
    },
  };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The admin address opens only after the workers listen: asked until it answers. */
async function workerPids(adminUrl: string): Promise<number[]> {
  for (let attempt = 0; ; attempt++) {
    try {
      const stats = (await (await fetch(new URL("/v1/stats", adminUrl))).json()) as { workers: { pid: number }[] };
      return stats.workers.map(({ pid }) => pid);
    } catch (error) {
      if (attempt === 100) throw error;
      await wait(50);
    }
  }
}

describe("a worker killed with SIGKILL under load", () => {
  test("costs at most the requests it had in flight, and is replaced", async () => {
    const server = await startServer({ "hello.js": `export default () => new Response("v1")` }, { workers: 2 });
    try {
      const clientCount = 8;
      const traffic = load(new URL("/hello", server.url).href, clientCount);
      await wait(800);
      const [victim] = await workerPids(server.adminUrl);
      process.kill(victim as number, "SIGKILL");
      await wait(2_500);
      const { ok, failed } = await traffic.stop();
      assert.ok(ok > 100, `only ${ok} answers`);
      assert.ok(failed <= clientCount, `${failed} of ${ok + failed} requests failed; at most ${clientCount} were in flight`);
      const after = await workerPids(server.adminUrl);
      assert.ok(!after.includes(victim as number));
      assert.ok(after.length >= 2, `${after.length} workers are left`);
    } finally {
      await server.stop();
    }
  });
});

describe("a call that waits", () => {
  test("is not written down as running: its function is not blamed for what happens meanwhile", async () => {
    const server = await startServer({
      "wait.js": `export default async (request) => {
        if (request.url.endsWith("?long")) await new Promise((resolve) => setTimeout(resolve, 5_000));
        return new Response("v1");
      }`,
    });
    try {
      // Into the loop lane, whose turns write nothing when they end.
      for (let call = 0; call < 40; call++) await (await server.get("/wait")).text();
      let isWaiting = true;
      const long = server.get("/wait?long").then((answer) => {
        isWaiting = false;
        return answer.text();
      });
      const folder = join(server.folder, ".pilotlight", "flight");
      const running = (): string[] => readdirSync(folder).flatMap((name) => readFlightRecord(join(folder, name)));
      // Sent, entered, and one heartbeat later.
      await wait(100);
      for (let attempt = 0; attempt < 100 && running().length > 0; attempt++) await wait(20);
      assert.deepEqual([running(), isWaiting], [[], true]);
      assert.equal(await long, "v1");
    } finally {
      await server.stop();
    }
  });
});

describe("a reload", () => {
  test("swaps the code without a failed request", async () => {
    const server = await startServer({ "hello.js": `export default () => new Response("v1")` }, { workers: 2 });
    try {
      const traffic = load(new URL("/hello", server.url).href, 6);
      await wait(500);
      for (let version = 2; version <= 4; version++) {
        writeFunctions(server.folder, { "hello.js": `export default async () => new Response("v${version}")` });
        await server.reload();
        await wait(400);
      }
      const { ok, failed } = await traffic.stop();
      assert.equal(failed, 0);
      assert.ok(ok > 100, `only ${ok} answers`);
      assert.equal(await (await server.get("/hello")).text(), "v4");
    } finally {
      await server.stop();
    }
  });

  test("adds new functions and takes removed ones away", async () => {
    const server = await startServer({ "one.js": `export default () => "1"` });
    try {
      assert.equal((await server.get("/two")).status, 404);
      writeFunctions(server.folder, { "two.js": `export default () => "2"` });
      await server.reload();
      assert.equal(await (await server.get("/two")).text(), "2");
    } finally {
      await server.stop();
    }
  });
});

/** `serve` as a process of its own, and the first line of its admin answer as proof that it is up. */
async function spawnServe(folder: string, adminPort: number, port: number): Promise<ChildProcess> {
  const flags = [
    "serve",
    folder,
    "-p",
    String(port),
    "-w",
    "2",
    "-q",
    "--admin",
    `127.0.0.1:${adminPort}`,
    "--data-dir",
    join(folder, ".pilotlight"),
  ];
  const child = spawn(process.execPath, [join(ROOT, "bin/pilotlight.js"), ...flags], { stdio: ["ignore", "ignore", "inherit"] });
  for (let attempt = 0; attempt < 200; attempt++) {
    const up = await fetch(`http://127.0.0.1:${port}/_ready`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return child;
    await wait(50);
  }
  throw new Error("serve did not come up");
}

function isAlive(pid: number): boolean {
  try {
    // A zombie answers signal 0: its parent is this test or init.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function freePorts(): Promise<[number, number]> {
  const { createServer } = await import("node:net");
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number];
}

describe("the serve process", { skip: process.platform !== "linux" && "reads /proc" }, () => {
  test("leaves no worker behind when it is killed with SIGKILL", async (t) => {
    const server = await startServer({ "hello.js": `export default () => new Response("v1")` });
    t.after(() => server.stop());
    const [port, adminPort] = await freePorts();
    const child = await spawnServe(server.folder, adminPort, port);
    t.after(() => child.kill("SIGKILL"));
    const pids = await workerPids(`http://127.0.0.1:${adminPort}`);
    assert.equal(pids.length, 2);
    // Enough calls for the loop lane in both workers: their watchdogs run.
    for (let call = 0; call < 100; call++) await (await fetch(`http://127.0.0.1:${port}/hello`)).text();
    child.kill("SIGKILL");
    for (let attempt = 0; attempt < 100 && pids.some(isAlive); attempt++) await wait(50);
    assert.deepEqual(pids.filter(isAlive), []);
  });

  test("drains on SIGTERM: the request in flight is answered, then it exits with 0", async (t) => {
    const server = await startServer({
      "slow.js": `export default async () => { await new Promise((r) => setTimeout(r, 700)); return new Response("v-slow"); }`,
    });
    t.after(() => server.stop());
    const [port, adminPort] = await freePorts();
    const child = await spawnServe(server.folder, adminPort, port);
    t.after(() => child.kill("SIGKILL"));
    const answer = fetch(`http://127.0.0.1:${port}/slow`);
    await wait(250);
    child.kill("SIGTERM");
    assert.equal(await (await answer).text(), "v-slow");
    const [code] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
    assert.equal(code, 0);
  });

  test("refuses a port that another server has, with exit code 2 and one line", async (t) => {
    const server = await startServer({ "hello.js": `export default () => new Response("v1")` });
    t.after(() => server.stop());
    const flags = [
      "serve",
      server.folder,
      "-p",
      String(server.port),
      "--admin",
      "127.0.0.1:0",
      "--data-dir",
      join(server.folder, ".second"),
    ];
    const child = spawn(process.execPath, [join(ROOT, "bin/pilotlight.js"), ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    t.after(() => child.kill("SIGKILL"));
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = await once(child, "exit");
    assert.equal(code, 2);
    assert.match(said, new RegExp(`${server.port}`));
  });
});
