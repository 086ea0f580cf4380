/**
 * AsyncLocalStorage in a sandbox: code is bundled as the engine does it when a
 * function imports node:async_hooks, with async functions lowered.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { build } from "esbuild";
import { standInFile } from "../src/engines/javascript/node-modules.ts";
import { openWebSandbox, type WebSandbox } from "./support/web-sandbox.ts";

let sandbox: WebSandbox;
let caseCount = 0;

before(async () => {
  sandbox = await openWebSandbox();
});
after(() => sandbox.close());

/** Bundles the body of an async function that has `storage` and the module's exports in scope, and runs it. */
async function run(body: string): Promise<unknown> {
  const name = `case${++caseCount}`;
  const bundle = await build({
    stdin: {
      contents: `import { AsyncLocalStorage, AsyncResource } from ${JSON.stringify(standInFile("async_hooks"))};
        const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
        globalThis.${name} = async () => { const storage = new AsyncLocalStorage(); ${body} };`,
      resolveDir: import.meta.dirname,
    },
    bundle: true,
    write: false,
    format: "iife",
    platform: "neutral",
    supported: { "async-await": false, "async-generator": false, "for-await": false },
    logLevel: "silent",
  });
  sandbox.evaluate(bundle.outputFiles[0]!.text);
  return sandbox.run(`return ${name}();`);
}

test("a store survives awaits, timers, microtasks and host operations", async () => {
  const stores = await run(`return storage.run("mine", async () => {
    const seen = [storage.getStore()];
    await null; seen.push(storage.getStore());
    await sleep(1); seen.push(storage.getStore());
    await crypto.subtle.digest("SHA-256", new Uint8Array(1)); seen.push(storage.getStore());
    await new Response("x").text(); seen.push(storage.getStore());
    await new Promise((resolve) => queueMicrotask(() => { seen.push(storage.getStore()); resolve(); }));
    await Promise.all([1, 2].map(async () => { await null; seen.push(storage.getStore()); }));
    try { await Promise.reject(new Error("no")); } catch { seen.push(storage.getStore()); }
    await Promise.resolve().finally(() => seen.push(storage.getStore()));
    for await (const _ of (async function* () { yield await sleep(1); })()) seen.push(storage.getStore());
    return seen;
  });`);
  assert.deepEqual(stores, new Array(11).fill("mine"));
});

test("concurrent calls never see each other's store", async () => {
  const answers = await run(`const work = (id) => storage.run(id, async () => {
      for (let step = 0; step < 20; step++) { await (step % 3 === 0 ? sleep(1) : null); if (storage.getStore() !== id) return "mixed up"; }
      return storage.getStore();
    });
    return Promise.all(Array.from({ length: 30 }, (_, id) => work(id)));`);
  assert.deepEqual(
    answers,
    Array.from({ length: 30 }, (_, id) => id),
  );
});

test("run nests, exit leaves, enterWith lasts for its own call only, disable empties", async () => {
  const seen = await run(`const log = [];
    storage.run(1, () => { storage.run(2, () => log.push(storage.getStore())); log.push(storage.getStore()); storage.exit(() => log.push(storage.getStore() ?? "none")); });
    log.push(storage.getStore() ?? "none");
    await storage.run(0, async () => { storage.enterWith("entered"); await sleep(1); log.push(storage.getStore()); });
    log.push(storage.getStore() ?? "none");
    storage.run(3, () => { storage.disable(); log.push(storage.getStore() ?? "none"); });
    return log;`);
  assert.deepEqual(seen, [2, 1, "none", "none", "entered", "none", "none"]);
});

test("a store entered at the top of one call is not found by the next", async () => {
  assert.equal(await run(`globalThis.kept = storage; storage.enterWith("leak"); await sleep(1); return storage.getStore();`), "leak");
  assert.equal(await sandbox.run(`return kept.getStore() ?? "none";`), "none");
});

test("bind, snapshot and AsyncResource carry the frame they were made in", async () => {
  const seen = await run(`let bound, snapshot, resource;
    storage.run("then", () => { bound = AsyncLocalStorage.bind(() => storage.getStore()); snapshot = AsyncLocalStorage.snapshot(); resource = new AsyncResource("test"); });
    return storage.run("now", () => [bound(), snapshot(() => storage.getStore()), resource.runInAsyncScope(() => storage.getStore()), resource.bind((x) => storage.getStore() + x)("!"), storage.getStore()]);`);
  assert.deepEqual(seen, ["then", "then", "then", "then!", "now"]);
});

test("a foreign thenable starts in the frame that awaits it", async () => {
  const seen = await run(`const query = { then(resolve) { resolve(storage.getStore()); } };
    return storage.run("mine", async () => await query);`);
  assert.equal(seen, "mine");
});
