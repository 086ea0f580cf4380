/** Requests of a run that is over: nothing of it goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRNO } from "../../../guest/wasi/abi.ts";
import { ok } from "../../base/result.ts";
import type { HostCapabilities } from "../../host/capabilities.ts";
import { RunRequests } from "./run-requests.ts";

interface Asked {
  readonly signals: AbortSignal[];
  readonly released: [key: string, token: number][];
}

/** Locks whose tokens count up, on a host that notes what it was asked. */
function runOn(asked: Asked): RunRequests {
  let token = 0;
  const lock = {
    acquire: async (_name: string | null, _key: string, options: { signal?: AbortSignal }) => {
      if (options.signal !== undefined) asked.signals.push(options.signal);
      return ok({ token: ++token });
    },
    release: async (_name: string | null, key: string, released: number) => {
      asked.released.push([key, released]);
      return ok(true);
    },
  };
  return new RunRequests({
    allow: {},
    answerMaxBytes: 1_024,
    capabilities: async () => ({ lock }) as unknown as HostCapabilities,
    onRefused: assert.fail,
  });
}

const key = Buffer.from("row");

test("what a run still waits for is given up when it is over", async () => {
  const asked: Asked = { signals: [], released: [] };
  const requests = runOn(asked);
  await requests.answer("lock.lease", [null, key, 60_000, 60_000]);
  assert.deepEqual(
    asked.signals.map(({ aborted }) => aborted),
    [false],
  );
  requests.close();
  assert.deepEqual(
    asked.signals.map(({ aborted }) => aborted),
    [true],
  );
});

test("an argument that can't be read is told with its operation and its place", async () => {
  const told: string[] = [];
  const capabilities = async () => ({ lock: {}, kv: {} }) as unknown as HostCapabilities;
  const requests = new RunRequests({ allow: {}, answerMaxBytes: 1_024, capabilities, onRefused: (message) => told.push(message) });
  assert.equal((await requests.answer("lock.acquire", [null, 60_000])).code, ERRNO.inval);
  assert.equal((await requests.answer("kv.get", [null, Uint8Array.of(0xff)])).code, ERRNO.inval);
  assert.deepEqual(told, ["lock.acquire: its argument 2 is no bytes but a number", "kv.get: its argument 2 is no UTF-8"]);
});

test("an unlock by name releases what this run has locked, and nothing of another's", async () => {
  const asked: Asked = { signals: [], released: [] };
  const [holder, other] = [runOn(asked), runOn(asked)];
  assert.equal((await holder.answer("lock.acquire", [null, key, 60_000])).number, 1);
  assert.equal((await other.answer("lock.release", [null, key])).number, 0);
  assert.deepEqual(asked.released, []);
  assert.deepEqual(await holder.answer("lock.release", [null, key]), { code: ERRNO.success, bytes: null, number: 1 });
  assert.deepEqual(asked.released, [["row", 1]]);
  assert.equal((await holder.answer("lock.release", [null, key])).number, 0);
});
