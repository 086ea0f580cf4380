import assert from "node:assert/strict";
import { test } from "node:test";
import { listStandIns } from "../src/engines/javascript/node-modules.ts";
import { bundleOf, run } from "./support/bundled.ts";

type Call = (...args: unknown[]) => unknown;
type App = { fetch(request: Request): Promise<Response> };

test("a Hono app with middleware and a validator runs unchanged", async () => {
  const bundle = await bundleOf({
    "app.ts": `
      import { Hono } from "hono";
      import { cors } from "hono/cors";
      import { validator } from "hono/validator";
      const app = new Hono();
      app.use(cors());
      app.get("/items/:id", validator("query", (value, c) => value["n"] ? { n: Number(value["n"]) } : c.text("n is missing", 400)),
        (c) => c.json({ id: c.req.param("id"), ...c.req.valid("query") }));
      export default app;`,
  });
  const app = (await run(bundle)).exports["default"] as App;
  const answer = await app.fetch(new Request("http://host/items/7?n=5"));
  assert.deepEqual(await answer.json(), { id: "7", n: 5 });
  assert.equal(answer.headers.get("access-control-allow-origin"), "*");
  assert.equal((await app.fetch(new Request("http://host/items/7"))).status, 400);
});

test("a function that uses zod runs unchanged", async () => {
  const bundle = await bundleOf({
    "a.ts":
      'import { z } from "zod"; const Item = z.object({ n: z.number().min(1) }); export default (text: string) => Item.safeParse(JSON.parse(text)).success',
  });
  const check = (await run(bundle)).exports["default"] as Call;
  assert.equal(check('{"n":1}'), true);
  assert.equal(check('{"n":"x"}'), false);
});

test("Node's pure modules have stand-ins, with and without node:", async () => {
  const bundle = await bundleOf({
    "a.ts": `
      import { Buffer } from "node:buffer";
      import { EventEmitter } from "events";
      import path from "node:path/posix";
      export default () => {
        const seen: string[] = [];
        new EventEmitter().on("x", (value: string) => seen.push(value)).emit("x", Buffer.from("aGk=", "base64").toString("utf8"));
        return [...seen, path.join("a", "..", "b")].join();
      };`,
  });
  assert.equal(((await run(bundle)).exports["default"] as Call)(), "hi,b");
});

test("CommonJS code gets from require what Node gives it", async () => {
  const bundle = await bundleOf({
    "a.cjs": `
      const Emitter = require("events");
      const assert = require("node:assert");
      const { inherits } = require("util");
      const { AsyncLocalStorage } = require("async_hooks");
      assert(new Emitter() instanceof Emitter.EventEmitter);
      module.exports = () => [typeof inherits, require("path").join("a", "b"), require("buffer").Buffer.from("x").length, typeof AsyncLocalStorage].join();`,
  });
  assert.equal(((await run(bundle)).exports["default"] as Call)(), "function,a/b,1,function");
  assert.equal(bundle.tracksAsyncContext, true);
});

test("every stand-in that messages promise can be bundled", async () => {
  const imports = listStandIns()
    .split(", ")
    .map((name, index) => `import * as m${index} from "${name}"; all.push(m${index});`);
  const bundle = await bundleOf({ "a.ts": `const all = []; ${imports.join("\n")}\nexport default () => all.length` });
  assert.equal(((await run(bundle)).exports["default"] as Call)(), imports.length);
});

test("Buffer and process come along only with code that names them", async () => {
  const plain = await bundleOf({ "a.ts": "export default () => 1" });
  assert.ok(plain.code.length < 1_000, `an ordinary bundle has ${plain.code.length} characters`);
  assert.deepEqual(
    plain.inputs.map(({ path }) => path.replace(/.*\//, "")),
    ["a.ts"],
  );
  const named = await bundleOf({ "a.ts": 'export default () => typeof process.env + Buffer.from("é").length' });
  assert.equal(((await run(named)).exports["default"] as Call)(), "object2");
});

test("a package asked for with a slash at the end is the package and not Node's module", async () => {
  const bundle = await bundleOf({
    "functions/a.js": 'import own from "events/"; import { EventEmitter } from "events"; export default () => own + typeof EventEmitter',
    "functions/node_modules/events/index.js": 'export default "own "',
  });
  assert.equal(((await run(bundle)).exports["default"] as Call)(), "own function");
});

test("with AsyncLocalStorage no native await is left, at the top level neither", async () => {
  const bundle = await bundleOf({
    "a.ts": `
      import { AsyncLocalStorage } from "node:async_hooks";
      const first = await Promise.resolve(1);
      for await (const each of [2]) globalThis.second = each;
      async function* count() { yield 3; }
      export default async () => {
        let sum = first + globalThis.second;
        for await (const each of count()) sum += each;
        return [sum, typeof AsyncLocalStorage].join();
      };`,
  });
  assert.equal(bundle.tracksAsyncContext, true);
  assert.doesNotMatch(bundle.code, /\basync\b\s*(?:function|\()|\bawait\s/);
  const { exports } = await run(bundle);
  assert.equal(await (exports["default"] as Call)(), "6,function");
});

test("a bundle that does not import AsyncLocalStorage keeps native await", async () => {
  const bundle = await bundleOf({ "a.ts": "export default async () => { await 1 }" });
  assert.equal(bundle.tracksAsyncContext, false);
  assert.match(bundle.code, /await 1/);
});
