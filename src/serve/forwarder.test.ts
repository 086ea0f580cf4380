import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fakeCall } from "../../test/support/fake-exchange.ts";
import { Forwarder } from "./forwarder.ts";
import type { Placement } from "./messages.ts";

let folder: string;
let socketPath: string;
let worker: Server | null;
let woken: string[];
let refusals: [status: number, reason: string][];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "forwarder-"));
  socketPath = join(folder, "s");
  worker = null;
  woken = [];
  refusals = [];
});
afterEach(() => {
  stopWorker();
  rmSync(folder, { recursive: true });
});

/** A function's worker: answers with its name. */
function startWorker(name: string): void {
  worker = createServer((_request, response) => void response.end(name)).listen(socketPath);
}

function stopWorker(): void {
  worker?.close();
  worker?.closeAllConnections();
  worker = null;
}

function createForwarder({ showsErrors = false, onWake = (): void => {} } = {}): Forwarder {
  return new Forwarder({
    wake(functionId) {
      woken.push(functionId);
      onWake();
    },
    refused: (_functionId, status, reason) => refusals.push([status, reason]),
    showsErrors,
  });
}

const placed = (): Placement => ({ functionId: "tenant", where: "dedicated", socketPath, why: "isolation" });

async function ask(forwarder: Forwarder, placement: Placement): Promise<{ status: number; text: string }> {
  const { call, answer } = fakeCall();
  forwarder.forward(call.exchange, placement);
  const { status, body } = await answer;
  return { status, text: body.toString() };
}

test("a request for a worker that is not up waits until it is", async () => {
  const forwarder = createForwarder({ onWake: () => startWorker("first") });
  assert.deepEqual(await ask(forwarder, placed()), { status: 200, text: "first" });
  assert.deepEqual(woken, ["tenant"]);
});

test("the first requests after a worker has left wake the next one and are sent to it", async () => {
  let name = "first";
  const forwarder = createForwarder({ onWake: () => startWorker(name) });
  await ask(forwarder, placed());
  stopWorker();
  name = "second";
  const answers = await Promise.all([ask(forwarder, placed()), ask(forwarder, placed())]);
  assert.deepEqual(answers, Array(2).fill({ status: 200, text: "second" }));
  assert.deepEqual(woken, ["tenant", "tenant"]);
  assert.deepEqual(refusals, []);
});

test("a request that waits for a worker is told at once when its function is quarantined meanwhile", async () => {
  const quarantine: Placement = { functionId: "tenant", where: "quarantine", reason: "it crashed" };
  const forwarder = createForwarder({ onWake: () => forwarder.place([quarantine]) });
  const { status, text } = await ask(forwarder, placed());
  assert.equal(status, 503);
  assert.match(text, /FUNCTION_QUARANTINED/);
});

test("a quarantine tells strangers that it is one, and the log why", async () => {
  const reason = "bomb ended its worker process twice (ENOENT: /srv/secret/bomb.ts)";
  const { status, text } = await ask(createForwarder(), { functionId: "bomb", where: "quarantine", reason });
  assert.equal(status, 503);
  assert.match(text, /FUNCTION_QUARANTINED.*bomb is switched off until its code changes: it ended its worker process more than once/);
  assert.doesNotMatch(text, /secret/);
  assert.deepEqual(refusals, [[503, `it is in quarantine: ${reason}`]]);
});

test("a job hears why its call was refused", async () => {
  const told: Promise<string>[] = [];
  const { call, answer } = fakeCall();
  call.exchange.tellReason = (reason) => {
    told.push(reason);
    return null;
  };
  createForwarder().forward(call.exchange, {
    functionId: "bomb",
    where: "quarantine",
    reason: "bomb ended its worker process twice (SIGABRT)",
  });
  assert.equal((await answer).status, 503);
  assert.deepEqual(await Promise.all(told), ["it is in quarantine: bomb ended its worker process twice (SIGABRT)"]);
});

test("dev shows the whole reason of a quarantine", async () => {
  const reason = "bomb ended its worker process twice (SIGABRT)";
  const { text } = await ask(createForwarder({ showsErrors: true }), { functionId: "bomb", where: "quarantine", reason });
  assert.ok(text.includes(reason));
});
