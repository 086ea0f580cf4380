/** How a run begins and ends when the guest would have it otherwise. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../src/engines/engine.ts";
import { type FakeAnswer, fakeCall } from "./support/fake-exchange.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import { makeWasmEngine, moduleSource } from "./support/wasm-subject.ts";

const startWrites = await guest("wat", "start-writes");
const catchesEnd = await guest("wat", "catches-end");

describe("a run", { skip: skipReason(startWrites) }, () => {
  let engine: Engine;
  before(async () => {
    engine = await makeWasmEngine();
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
});
