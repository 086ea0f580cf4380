/** What signals do to a server that has its process to itself. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { eventually, getJson } from "./support/fake-fleet.ts";
import { isRunning } from "./support/processes.ts";

/** Within that time a signal is taken for a copy of the one before. */
const SAME_SIGNAL_MS = 150;
const FAKE_SERVE_FILE = fileURLToPath(new URL("./support/fake-serve.ts", import.meta.url));

let child: ChildProcess;
afterEach(() => void child.kill("SIGKILL"));

async function serve(): Promise<{ port: number; pids: number[] }> {
  child = spawn(process.execPath, [FAKE_SERVE_FILE], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout! }), "line");
  return JSON.parse(line);
}

const exitCode = async (): Promise<number | null> => child.exitCode ?? ((await once(child, "exit")) as [number | null])[0];

/** Every worker has answered a later connection, so whichever got an earlier one has accepted it. */
async function heardOf(port: number, pids: readonly number[]): Promise<void> {
  const heard = new Set<unknown>();
  await eventually("every worker has answered", async () => {
    heard.add(await getJson({ port, path: "/pid" }));
    return pids.every((pid) => heard.has(pid));
  });
}

test("SIGTERM answers what is in flight, ends the workers and exits with 0", async () => {
  const { port, pids } = await serve();
  const slow = getJson({ port, path: "/slow/500" });
  await heardOf(port, pids);
  child.kill("SIGTERM");
  assert.equal(await slow, "slow");
  assert.equal(await exitCode(), 0);
  assert.deepEqual(pids.filter(isRunning), []);
});

test("a second signal does not wait for calls in flight", async () => {
  const { port, pids } = await serve();
  const slow = getJson({ port, path: "/slow/600000" }).catch((error: Error) => error);
  await heardOf(port, pids);
  child.kill("SIGINT");
  await eventually("the drain began", () =>
    getJson({ port, path: "/pid" }).then(
      () => false,
      () => true,
    ),
  );
  await delay(SAME_SIGNAL_MS);
  child.kill("SIGINT");
  assert.ok((await slow) instanceof Error);
  assert.equal(await exitCode(), 0);
  assert.deepEqual(pids.filter(isRunning), []);
});

test("a copy of a signal, as a launcher hands it on, cuts off nothing", async () => {
  const { port, pids } = await serve();
  const slow = getJson({ port, path: "/slow/500" });
  await heardOf(port, pids);
  child.kill("SIGTERM");
  // The system keeps one of a kind that waits: the second one has to come after the first was taken.
  await delay(20);
  child.kill("SIGTERM");
  assert.equal(await slow, "slow");
  assert.equal(await exitCode(), 0);
});

test("another kind of signal doesn't wait, however soon it comes", async () => {
  const { port, pids } = await serve();
  const slow = getJson({ port, path: "/slow/600000" }).catch((error: Error) => error);
  await heardOf(port, pids);
  child.kill("SIGINT");
  child.kill("SIGTERM");
  assert.ok((await slow) instanceof Error);
  await exitCode();
});

test("SIGHUP reloads", async () => {
  const { port } = await serve();
  child.kill("SIGHUP");
  await eventually("version 2", async () => (await getJson({ port, path: "/version" })) === 2);
});

test("workers don't outlive a supervisor that is killed", async () => {
  const { pids } = await serve();
  assert.equal(pids.length, 2);
  child.kill("SIGKILL");
  await eventually("the workers are gone", () => !pids.some(isRunning));
});
