/** When an answer that is a stream begins, as its exchange sees it; a new function runs in the thread lane, where nothing holds a head back. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Engine, Sandbox } from "../src/engines/engine.ts";
import { fakeCall } from "../test/support/fake-exchange.ts";
import { eventually } from "../test/support/fake-fleet.ts";
import { makeEngine, sourceOf } from "../test/support/javascript-subject.ts";

let engine: Engine;
before(async () => {
  engine = await makeEngine();
});
after(() => engine.close());

async function open(body: string): Promise<Sandbox> {
  const source = await sourceOf(`export default () => new Response(${body}, { status: 201 })`);
  return (await engine.prepare(source)).open();
}

test("a body that fails before its first chunk has begun no answer", async () => {
  const failing = {
    "at its start": `new ReadableStream({ start() { throw new Error("no byte"); } })`,
    "when it is pulled": `new ReadableStream({ pull() { throw new Error("no byte"); } })`,
    "behind transforms": `new ReadableStream({ async pull() { throw new Error("no byte"); } }).pipeThrough(new TransformStream()).pipeThrough(new TextDecoderStream())`,
    "as a generator": `(async function* () { throw new Error("no byte"); })()`,
  };
  for (const [when, body] of Object.entries(failing)) {
    const sandbox = await open(body).catch(() => null);
    assert.ok(sandbox !== null, when);
    const { call, answer } = fakeCall();
    sandbox.invoke(call);
    const { status, failure } = await answer;
    assert.equal(failure?.code, "HANDLER_THREW", when);
    assert.equal(status, 0, when);
    sandbox.close();
  }
});

test("an answer whose first chunk is long in coming begins without it", async () => {
  const sandbox = await open("new ReadableStream({ pull: () => new Promise(() => {}) })");
  const { call, abort } = fakeCall();
  sandbox.invoke(call);
  await eventually("the answer begins", () => call.exchange.answered);
  abort();
  sandbox.close();
});

test("chunks arrive in their order, an empty stream ends", async () => {
  for (const [chunks, text] of [
    [`["a", "b", "c"]`, "abc"],
    ["[]", ""],
  ] as const) {
    const sandbox = await open(`ReadableStream.from(${chunks})`);
    const { call, answer } = fakeCall();
    sandbox.invoke(call);
    const { status, body, failure } = await answer;
    assert.deepEqual([status, body.toString(), failure], [201, text, null]);
    sandbox.close();
  }
});
