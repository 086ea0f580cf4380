/** A function's runtime over an engine that opens its sandbox when the test says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeCall } from "../../test/support/fake-exchange.ts";
import { spec } from "../../test/support/fake-fleet.ts";
import type { Call, Sandbox, Template } from "../engines/engine.ts";
import { FunctionRuntime, type RuntimeHost } from "./function-runtime.ts";
import type { BundleRef } from "./function-spec.ts";
import { GuestLogs } from "./guest-logs.ts";

const BUNDLE = { hash: "h", codeFile: "code", mapFile: "map", codeCacheFile: "cache", methods: null } as BundleRef;

class InstantSandbox implements Sandbox {
  readonly busyCount = 0;
  closed = false;
  invoke(call: Call): void {
    if (this.closed) call.fail({ code: "SANDBOX_CLOSED", message: "closed" });
    else call.exchange.respond(200, "", "answered");
  }
  retire(): void {
    this.closed = true;
  }
  close(): void {
    this.closed = true;
  }
  heapUsedBytes(): number {
    return 0;
  }
}

function runtimeOver(open: () => Promise<Sandbox>): FunctionRuntime {
  let templates = 0;
  const prepare = async (): Promise<Template> => {
    templates++;
    return { open, lane: "loop", promotionCount: 1, demotionCount: templates - 1, close: () => {} };
  };
  const mapStack = async (stack: string): Promise<string> => stack;
  const host: RuntimeHost = {
    engine: { name: "javascript", prepare, close: () => {} },
    poolWaitTimeoutMs: 0,
    poolMetricsEvery: 0,
    accessLog: false,
    showsErrors: false,
    build: async () => ({ ok: true, value: BUNDLE }),
    log: () => {},
    guestLogs: new GuestLogs({ write: () => {}, mapStack }),
    mapStack,
    excerpt: async () => "",
    opened: () => {},
  };
  return new FunctionRuntime(spec("hello", { poolSize: 8 }), host);
}

test("calls that wait for a sandbox are all answered by it, though the function is replaced meanwhile", async () => {
  const { promise, resolve } = Promise.withResolvers<Sandbox>();
  const runtime = runtimeOver(() => promise);
  const calls = [fakeCall(), fakeCall(), fakeCall()];
  for (const { call } of calls) runtime.handle(call.exchange, null);
  runtime.retire();
  const sandbox = new InstantSandbox();
  resolve(sandbox);
  const answers = await Promise.all(calls.map(({ answer }) => answer));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  await new Promise((turn) => setImmediate(turn));
  assert.equal(sandbox.closed, true);
});

test("moves between lanes stay counted when the code is prepared anew", async () => {
  const opened: Sandbox[] = [];
  const runtime = runtimeOver(async () => {
    if (opened.length === 1) {
      opened.push(new InstantSandbox());
      throw new Error("this one can't be opened");
    }
    const sandbox = new InstantSandbox();
    opened.push(sandbox);
    return sandbox;
  });
  const ask = async (): Promise<number> => {
    const { call, answer } = fakeCall();
    runtime.handle(call.exchange, null);
    return (await answer).status;
  };
  assert.equal(await ask(), 200);
  opened[0]?.close();
  assert.equal(await ask(), 500);
  assert.equal(runtime.metrics().promotions, 1);
  // Past the time for which a failed load is not tried again.
  const now = performance.now.bind(performance);
  performance.now = () => now() + 60_000;
  try {
    assert.equal(await ask(), 200);
  } finally {
    performance.now = now;
  }
  assert.deepEqual([runtime.metrics().promotions, runtime.metrics().demotions], [2, 1]);
});
