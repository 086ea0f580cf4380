/** A function's runtime over an engine that opens its sandbox when the test says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeAnswer, fakeCall } from "../../test/support/fake-exchange.ts";
import { spec } from "../../test/support/fake-fleet.ts";
import type { Call, CallFailure, Sandbox, Template } from "../engines/engine.ts";
import { FunctionRuntime, type RuntimeHost } from "./function-runtime.ts";
import type { BundleRef, FunctionSpec } from "./function-spec.ts";
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

interface Logged {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

function runtimeOver(
  open: () => Promise<Sandbox>,
  deployed: FunctionSpec = spec("hello", { poolSize: 8 }),
  host: Partial<RuntimeHost> = {},
): FunctionRuntime {
  let templates = 0;
  const prepare = async (): Promise<Template> => {
    templates++;
    return { open, lane: "loop", startMode: null, promotionCount: 1, demotionCount: templates - 1, close: () => {} };
  };
  const mapStack = async (stack: string): Promise<string> => stack;
  return new FunctionRuntime(deployed, {
    engineOf: () => ({ name: "javascript", prepare, close: () => {} }),
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
    ...host,
  });
}

/** One call of a function that fails, and what was logged of it. */
async function failedCall(
  failure: CallFailure | null,
  deployed: FunctionSpec,
  host: Partial<RuntimeHost>,
): Promise<{ answer: FakeAnswer; logged: Logged[] }> {
  const logged: Logged[] = [];
  const sandbox = new InstantSandbox();
  sandbox.invoke = (call) => call.fail(failure!);
  const log: RuntimeHost["log"] = (level, message, fields) => logged.push({ level, message, fields });
  const runtime = runtimeOver(async () => sandbox, deployed, { ...host, log });
  const { call, answer } = fakeCall({ headers: { "x-request-id": "r1" } });
  runtime.handle(call.exchange, null);
  const answered = await answer;
  await new Promise((turn) => setImmediate(turn));
  return { answer: answered, logged };
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

const SECRET = {
  code: "SECRET_MISSING",
  message: "Cannot serve sec: its secret TOKEN is missing",
  hint: "Set TOKEN",
  at: { file: "/f/sec.ts" },
};

test("a call of a function that can't be served is logged with the reason, and strangers don't learn it", async () => {
  const { answer, logged } = await failedCall(null, spec("sec", { failure: SECRET }), {});
  const requestId = answer.headers.get("x-request-id");
  assert.deepEqual(logged, [
    {
      level: "error",
      message: SECRET.message,
      fields: { function: "sec", requestId, code: SECRET.code, status: 500, hint: SECRET.hint, at: SECRET.at },
    },
  ]);
  const { error } = JSON.parse(answer.body.toString());
  assert.deepEqual([answer.status, error.code, error.requestId], [500, "SECRET_MISSING", requestId]);
  assert.doesNotMatch(answer.body.toString(), /TOKEN/);
});

test("dev answers a call of a function that can't be served with the reason", async () => {
  const { answer } = await failedCall(null, spec("sec", { failure: SECRET }), { showsErrors: true });
  assert.equal(answer.body.toString(), `SECRET_MISSING in sec\n\n${SECRET.message}\n\nSet TOKEN\n`);
});

test("the log says where the limit is set that ended a call; its caller is not told", async () => {
  for (const [code, key, flag] of [
    ["MEMORY_LIMIT_EXCEEDED", "memory", "-m"],
    ["CALL_TIMEOUT", "timeout", "-t"],
    ["CPU_LIMIT_EXCEEDED", "cpu_timeout", "--cpu-timeout"],
  ] as const) {
    const { answer, logged } = await failedCall({ code, message: "too much" }, spec("oops"), {});
    assert.equal(
      logged[0]?.fields["hint"],
      `If it needs more, raise functions.oops.${key} in pilotlight.yaml, or ${flag} for every function`,
    );
    assert.doesNotMatch(answer.body.toString(), /pilotlight\.yaml/);
  }
});

test("a failure to build is logged with its place and its hint as fields", async () => {
  const failure = { code: "IMPORT_UNRESOLVED", message: "no such package", hint: "Install it", at: { file: "a.ts", line: 1, column: 2 } };
  const { logged } = await failedCall(null, spec("hello"), { build: async () => ({ ok: false, failure }) });
  const { message, fields } = logged[0]!;
  assert.deepEqual([message, fields["hint"], fields["at"]], ["a.ts:1:2: no such package", failure.hint, failure.at]);
});
