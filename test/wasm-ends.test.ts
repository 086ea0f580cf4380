/** How a run begins and ends when the guest would have it otherwise. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../src/engines/engine.ts";
import { type FakeAnswer, fakeCall } from "./support/fake-exchange.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import { makeWasmEngine, moduleSource } from "./support/wasm-subject.ts";

const startWrites = await guest("wat", "start-writes");
const catchesEnd = await guest("wat", "catches-end");
const complain = await guest("c", "complain");
const startAsks = await guest("wat", "start-asks");

describe("a run", { skip: skipReason(startWrites) }, () => {
  let engine: Engine;
  const logs: { level: string; message: string }[] = [];
  before(async () => {
    engine = await makeWasmEngine({ logs });
  });
  after(() => engine.close());

  async function answers(file: string, count: number): Promise<FakeAnswer[]> {
    const sandbox = await (await engine.prepare(await moduleSource(file, { contract: "command" }))).open();
    const list: FakeAnswer[] = [];
    for (let request = 0; request < count; request++) {
      const { call, answer } = fakeCall();
      sandbox.invoke(call);
      list.push(await answer);
    }
    sandbox.close();
    return list;
  }

  test("begins with a start function that sees nothing of the last request's memory", async () => {
    for (const { failure, body } of await answers(fileOf(startWrites), 3)) {
      assert.equal(failure, null);
      assert.equal(body.toString(), "kept\n");
    }
  });

  test("is over when it was ended, whatever the guest catches", async () => {
    for (const { failure, body } of await answers(fileOf(catchesEnd), 2)) {
      assert.equal(failure?.code, "GUEST_EXITED");
      assert.match(failure.message, /exit code 7/);
      assert.equal(body.length, 0);
    }
  });

  test("whose start function would have to wait is told so, and what to do", async () => {
    const told = /its start function calls what may have to wait .*: call it from main/;
    for (const { failure } of await answers(fileOf(startAsks), 2)) {
      assert.equal(failure?.code, "GUEST_TRAPPED");
      assert.match(failure.message, new RegExp(`^probe trapped: ${told.source}$`));
      assert.match(failure.stack!, /\n {4}at ask \(wasm:/);
    }
    assert.equal(logs.length, 1);
    assert.match(logs[0]!.message, new RegExp(`^Cannot start requests by reset: ${told.source}`));
  });

  describe("that is ended by a limit", { skip: skipReason(complain) }, () => {
    const QUICK_CALLS_MAX = 2_000;
    const cases = [
      ["spin", "thread", ["before it spins"]],
      ["spin", "loop", ["before it spins"]],
      ["wait", "thread", ["before it waits"]],
      ["both", "thread", ["before it boths", "after it slept"]],
    ] as const;
    for (const [order, lane, said] of cases) {
      test(`leaves in the log what it had written to standard error, once (${order}, ${lane} lane)`, async () => {
        const source = await moduleSource(fileOf(complain), { contract: "command", timeoutMs: 1_000, cpuTimeoutMs: 200 });
        const template = await engine.prepare(source);
        const sandbox = await template.open();
        const ask = (body: string): Promise<FakeAnswer> => {
          const { call, answer } = fakeCall({ method: "POST", body });
          sandbox.invoke(call);
          return answer;
        };
        for (let call = 0; template.lane !== lane && call < QUICK_CALLS_MAX; call++)
          assert.deepEqual((await ask("end")).logs, ["info: before it ends"]);
        assert.equal(template.lane, lane);
        const { failure, logs } = await ask(order);
        assert.match(failure!.code, /^(?:CPU_LIMIT_EXCEEDED|CALL_TIMEOUT)$/);
        assert.deepEqual(
          logs,
          said.map((line) => `info: ${line}`),
        );
        sandbox.close();
      });
    }
  });
});
