/**
 * What lives as long as a signal: each function here makes one per call and
 * hangs 256 KiB on it, so that a sandbox of 48 MiB does not survive the calls
 * when a signal outlives its own.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../src/engines/engine.ts";
import { fakeCall } from "../test/support/fake-exchange.ts";
import { inGuest } from "../test/support/in-guest.ts";
import { makeEngine, sourceOf } from "../test/support/javascript-subject.ts";

const CALL_COUNT = 600;
const MEMORY_MAX_BYTES = 48 * 1024 * 1024;

let engine: Engine;
before(async () => {
  engine = await makeEngine();
});
after(() => engine.close());

const LOADED = `const loaded = (signal) => Object.assign(signal, { load: new Array(32_768).fill(0.5) });
  const listener = () => {};
  const always = new AbortController().signal;`;

const SIGNALS: Readonly<Record<string, string>> = {
  "a signal of `timeout` that nobody listens to any more":
    "const s = loaded(AbortSignal.timeout(60_000)); s.addEventListener('abort', listener); s.removeEventListener('abort', listener);",
  "a signal of `any` that nobody listens to any more":
    "const s = loaded(AbortSignal.any([always])); s.addEventListener('abort', listener); s.removeEventListener('abort', listener);",
  "a listener that left by a signal of its own":
    "const s = loaded(AbortSignal.any([always])); const c = new AbortController(); s.addEventListener('abort', listener, { signal: c.signal }); c.abort();",
  "the signal of a request that was answered at once": "loaded(request.signal).addEventListener('abort', listener);",
  "the signal of a request that was answered later": "loaded(request.signal).addEventListener('abort', listener); await null;",
  "the signal of a request whose answer was streamed":
    "loaded(request.signal); return new Response(new ReadableStream({ start(c) { c.close(); } }));",
  "the signal of a request that failed": "loaded(request.signal); throw new Error('no');",
  "the signal of a request that is asked for it after its answer": "ctx.waitUntil(Promise.resolve().then(() => loaded(request.signal)));",
};

describe("is collected with its call:", () => {
  for (const [name, body] of Object.entries(SIGNALS)) {
    test(name, async () => {
      const isAsync = /await|waitUntil/.test(body);
      const code = `${LOADED} export default ${isAsync ? "async " : ""}(request, env, ctx) => { ${body} return new Response("ok"); }`;
      const sandbox = await (await engine.prepare(await sourceOf(code, { memoryMaxBytes: MEMORY_MAX_BYTES }))).open();
      for (let at = 0; at < CALL_COUNT; at++) {
        const { call, answer } = fakeCall();
        sandbox.invoke(call);
        const { failure } = await answer;
        assert.notEqual(failure?.code, "MEMORY_LIMIT_EXCEEDED", `at call ${at}`);
      }
      assert.equal(sandbox.closed, false);
      sandbox.close();
    });
  }
});

/** Enough garbage that V8 collects what nothing holds. */
const COLLECT =
  "for (let i = 0; i < 60; i++) { globalThis.rubbish = new Array(100_000).fill(i + 0.5); await new Promise((r) => setTimeout(r, 1)); }";

test("a signal that is listened to fires, though nobody else holds it", async () => {
  const fired = await inGuest(
    engine,
    `const fired = [];
     const all = new Promise((resolve) => {
       const listen = (name, signal) => signal.addEventListener("abort", () => { fired.push(name); if (fired.length === 2) resolve(); });
       listen("timeout", AbortSignal.timeout(200));
       listen("any", AbortSignal.any([AbortSignal.timeout(200), AbortSignal.timeout(60_000)]));
     });
     ${COLLECT}
     await all;
     return fired.sort();`,
  );
  assert.deepEqual(fired, ["any", "timeout"]);
});

test("a signal that is held is aborted in time, though nobody listens", async () => {
  assert.equal(
    await inGuest(
      engine,
      `const s = AbortSignal.timeout(50); ${COLLECT} await new Promise((r) => setTimeout(r, 60)); return s.reason.name;`,
    ),
    "TimeoutError",
  );
});
