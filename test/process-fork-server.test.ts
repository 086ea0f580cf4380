/**
 * The fork server of the Python client: a function is loaded once, and each
 * instance is a fork of what was loaded. Whatever ends, nothing is left behind.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { MIB } from "../src/base/units.ts";
import { type ForkPeer, startForkPeer } from "./support/fork-peer.ts";
import { pythonClient } from "./support/process-clients.ts";
import { KIND, type ProcessPeer } from "./support/process-peer.ts";

const GUESTS = join(import.meta.dirname, "guests/process");
const FORKS = 50;

interface Told {
  readonly pid: number;
  readonly loaded_by: number;
  readonly instance: string;
  readonly fork: string | null;
  readonly random: number;
  readonly handles_children: boolean;
}

const client = pythonClient(join(GUESTS, "forking.py"));
if (client === null) test("the fork server", (t) => t.skip("NOT TESTED: this machine has no python3"));
else describe("the fork server", () => suite(client));

function suite({ command, env }: NonNullable<typeof client>): void {
  async function start(t: TestContext, more: NodeJS.ProcessEnv = {}): Promise<ForkPeer> {
    const server = await startForkPeer(command, { ...env, ...more });
    t.after(() => server.end());
    return server;
  }

  test(`loads once, forks ${FORKS} times, and says what became of each`, async (t) => {
    const server = await start(t);
    assert.equal(server.ready, "READY fork/1");
    const forked = await Promise.all(Array.from({ length: FORKS }, (_, index) => server.fork(index + 1)));
    const told = await Promise.all(forked.map(({ instance }) => ask(instance)));
    assert.equal(server.log, "loaded\n");
    assert.ok(told.every(({ loaded_by }) => loaded_by === server.pid));
    assert.deepEqual(
      told.map(({ pid, instance, fork, handles_children }) => ({ pid, instance, fork, handles_children })),
      forked.map(({ pid }, index) => ({ pid, instance: `${index + 1}`, fork: null, handles_children: false })),
    );
    assert.equal(new Set(told.map(({ random }) => random)).size, FORKS);
    for (const { instance } of forked) instance.send(KIND.stop, 0, 0);
    for (let id = 1; id <= FORKS; id++) await server.said(new RegExp(`^EXITED ${id} 0 0$`));
  });

  test("an instance takes a ring of its own", async (t) => {
    const server = await start(t);
    const { instance } = await server.fork(1, { capacityBytes: MIB, hasCrc: true });
    t.after(() => instance.end());
    assert.equal(instance.ready, "READY ring/1 1");
    assert.equal((await ask(instance)).instance, "1");
  });

  test("says with which code or signal an instance ended", async (t) => {
    const server = await start(t);
    (await server.fork(1)).instance.request(1, "/exit?code=3");
    await server.said(/^EXITED 1 3 0$/);
    (await server.fork(2)).instance.request(1, "/kill");
    await server.said(/^EXITED 2 0 9$/);
    server.socket.write("FORK 3 /nonexistent/socket -\n");
    await server.said(/^FORKED 3 \d+$/);
    await server.said(/^EXITED 3 1 0$/);
    // A number may come again once its instance has ended.
    assert.equal((await ask((await server.fork(2)).instance)).instance, "2");
  });

  test("refuses an instance that runs already, and goes on", async (t) => {
    const server = await start(t);
    const { instance } = await server.fork(1);
    server.socket.write("FORK 1 /nonexistent/socket -\n");
    await server.said(/^FAILED 1 it runs already$/);
    assert.equal((await ask(instance)).instance, "1");
  });

  test("refuses to fork where threads run, and names them", async (t) => {
    const server = await start(t, { WITH_THREAD: "1" });
    server.socket.write("FORK 1 /nonexistent/socket -\n");
    await server.said(/^FAILED 1 threads run before the fork \(background\): .+$/);
  });

  test("lines that come in pieces are heard, and those that make no sense end it with its instances", async (t) => {
    const server = await start(t);
    const { instance } = await server.fork(1);
    const gone = once(instance.socket, "close");
    server.socket.write("FOR");
    server.socket.write("K 2 /nonexistent/socket -\nFORK 3 /nonexistent/so");
    await server.said(/^EXITED 2 1 0$/);
    server.socket.write("cket -\n");
    await server.said(/^EXITED 3 1 0$/);
    server.socket.write("SPOON 4\n");
    assert.deepEqual(await server.exited, { code: 1, signal: null });
    assert.match(server.log, /the server sent the line 'SPOON 4' to a fork server/);
    await gone;
  });

  test("the end of its connection ends it and its instances, whatever they are at", async (t) => {
    const server = await start(t);
    const idle = await server.fork(1);
    const stuck = await server.fork(2);
    stuck.instance.request(1, "/stuck");
    await stuck.instance.logged("stuck");
    const gone = [idle, stuck].map(({ instance }) => once(instance.socket, "close"));
    server.socket.destroy();
    assert.deepEqual(await server.exited, { code: 0, signal: null });
    await Promise.all(gone);
  });

  test("its own death takes its instances with it", async (t) => {
    const server = await start(t);
    const { instance } = await server.fork(1);
    instance.request(1, "/stuck");
    await instance.logged("stuck");
    const gone = once(instance.socket, "close");
    server.kill();
    await gone;
  });

  test("takes rings by their descriptors, and keeps none", () => {
    const script = join(GUESTS, "hand-over-rings.py");
    const { stdout, stderr } = spawnSync(command[0]!, [script, ...command], {
      env: { PATH: process.env["PATH"], ...env },
      encoding: "utf8",
      timeout: 30_000,
    });
    const lines = ["READY fork/1", "READY frames/1 1", "READY ring/1 1", "READY ring/1 1", "rings kept: 0", "exit code 0", ""];
    assert.deepEqual(stdout.split("\n"), lines, stderr);
  });
}

async function ask(instance: ProcessPeer): Promise<Told> {
  return JSON.parse(`${(await instance.ask("/")).body}`);
}
