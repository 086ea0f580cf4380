import assert from "node:assert/strict";
import { test } from "node:test";
import { findHandler, METHOD_NAMES } from "../guest/handler.ts";
import { HTTP_METHODS } from "../src/base/http-methods.ts";
import { bundleFunction } from "../src/engines/javascript/bundle.ts";
import { bundleOf, failureOf, run } from "./support/bundled.ts";

type Call = (...args: unknown[]) => unknown;
const call = (value: unknown, ...args: unknown[]): unknown => (value as Call)(...args);

test("a module's exports are installed before the script's first await", async () => {
  const bundle = await bundleOf({ "a.ts": "export default (n: number): number => n + 1" });
  const { exports, sync } = await run(bundle);
  assert.equal(sync, true);
  assert.equal(call(exports["default"], 1), 2);
  assert.equal(bundle.methods, null);
});

test("the script is a classic one: no import or export is left, and it leaves no global behind", async () => {
  const { code } = await bundleOf({
    "a.ts": 'import { b } from "./b"; export default () => [b, import.meta.url, import.meta.dirname]',
    "b.ts": "export const b = 1",
  });
  assert.doesNotThrow(() => new Function(code));
  assert.match(code, /^\(async \(\) => \{"use strict";\n/);
});

test("method exports are listed, and a default export beside them takes all", async () => {
  const methods = "export const POST = () => 1; export function GET() {}";
  assert.deepEqual((await bundleOf({ "a.ts": methods })).methods, ["GET", "POST"]);
  assert.equal((await bundleOf({ "a.ts": `${methods}; export default () => 2` })).methods, null);
});

test("constants in capitals are no methods, and host and guest know the same methods", async () => {
  const code = "export const LIMITS = { calls: 3 }; export const MAX = 1; export function GET() {}";
  assert.deepEqual((await bundleOf({ "a.ts": code })).methods, ["GET"]);
  assert.equal((await failureOf({ "a.ts": "export const LIMITS = { calls: 3 }" })).code, "NO_HANDLER");
  assert.deepEqual(findHandler({ LIMITS: () => 1, GET: () => 2 }).methods, ["GET", "HEAD", "OPTIONS"]);
  assert.deepEqual(METHOD_NAMES, HTTP_METHODS);
});

test("exports of types only do not count", async () => {
  const { methods } = await bundleOf({ "a.ts": "export type T = 1; export interface U {}; export const GET = () => 1" });
  assert.deepEqual(methods, ["GET"]);
});

test("zigttp's global handler is exported, whatever comment ends the file", async () => {
  for (const code of [
    "function handler(r) { return r } // end",
    "const handler = (r) => r;",
    "let handler = (r) => r /* export nothing */",
  ]) {
    const { exports } = await run(await bundleOf({ "a.js": code }));
    assert.equal(call(exports["handler"], "same"), "same", code);
  }
});

test("CommonJS modules work through their default", async () => {
  const { exports } = await run(
    await bundleOf({ "a.cjs": 'module.exports = { fetch: () => require("./b.cjs") }', "b.cjs": "module.exports = 7" }),
  );
  assert.equal(call((exports["default"] as { fetch: unknown }).fetch), 7);
  const named = await run(await bundleOf({ "a.js": "exports.GET = () => 1" }));
  assert.equal(call(named.exports["GET"]), 1);
});

test("re-exports by star are left to the guest to count", async () => {
  const bundle = await bundleOf({ "a.ts": 'export * from "./b"', "b.ts": "export const GET = () => 3" });
  assert.equal(bundle.methods, null);
  assert.equal(call((await run(bundle)).exports["GET"]), 3);
});

test("code of -e is bundled from memory, with its imports", async () => {
  const code = 'import { join } from "node:path"; export default () => join("a", "b")';
  const bundle = await bundleFunction(
    { id: "main", file: "", code, sourceRoot: import.meta.dirname },
    { mode: "production", minify: false },
  );
  assert.ok(bundle.ok);
  assert.equal(call((await run(bundle.value)).exports["default"]), "a/b");
});

test("top-level await delays the exports, not the code before it", async () => {
  const log: string[] = [];
  const code = 'log.push("before"); const x = await Promise.resolve(5); log.push("after"); export default () => x';
  const bundle = await bundleOf({ "a.mts": code });
  const { exports, sync } = await run(bundle, { log });
  assert.equal(sync, false);
  assert.deepEqual(log, ["before", "after"]);
  assert.equal(call(exports["default"]), 5);
});

test("JSX calls the global h and Fragment", async () => {
  const { exports } = await run(await bundleOf({ "a.tsx": 'export default () => <><b id="x">y</b></>' }), {
    h: (...all: unknown[]) => all,
    Fragment: "F",
  });
  assert.deepEqual(JSON.parse(JSON.stringify(call(exports["default"]))), ["F", null, ["b", { id: "x" }, "y"]]);
});

test("JSX follows the file's pragma or the project's tsconfig", async () => {
  const jsx = "export default () => String(<b>{1 + 1}</b>)";
  const byPragma = await bundleOf({ "a.tsx": `/** @jsxImportSource hono/jsx */\n${jsx}` });
  assert.equal(call((await run(byPragma)).exports["default"]), "<b>2</b>");
  const inModule = await bundleOf({ "a.ts": 'export { default } from "./_view"', "_view.tsx": `/** @jsxImportSource hono/jsx */\n${jsx}` });
  assert.equal(call((await run(inModule)).exports["default"]), "<b>2</b>");
  const tsconfig = JSON.stringify({ compilerOptions: { jsx: "react-jsx", jsxImportSource: "hono/jsx" } });
  assert.equal(call((await run(await bundleOf({ "a.tsx": jsx, "tsconfig.json": tsconfig }))).exports["default"]), "<b>2</b>");
});

test("JSON, text and bytes can be imported", async () => {
  const files = {
    "a.ts":
      'import j from "./j.json"; import t from "./t.txt"; import s from "./s.sql"; import w from "./w.wasm"; export default () => [j.x, t, s, [...w]]',
    "j.json": '{"x":1}',
    "t.txt": "text",
    "s.sql": "select 1",
    "w.wasm": "\0asm",
  };
  const { exports } = await run(await bundleOf(files));
  assert.deepEqual(JSON.parse(JSON.stringify(call(exports["default"]))), [1, "text", "select 1", [0, 97, 115, 109]]);
});

test("decorators, which V8 lacks, are compiled away", async () => {
  const code =
    "const twice = (f) => function () { return 2 * f.call(this) }; class A { @twice n() { return 4 } } export default () => new A().n()";
  assert.equal(call((await run(await bundleOf({ "a.js": code }))).exports["default"]), 8);
});

test("NODE_ENV says which command runs, and global is globalThis", async () => {
  const files = { "a.ts": "export default () => [process.env.NODE_ENV, global === globalThis]" };
  for (const mode of ["production", "development"] as const) {
    const result = call((await run(await bundleOf(files, { mode }))).exports["default"]);
    assert.deepEqual(JSON.parse(JSON.stringify(result)), [mode, true]);
  }
});

test("minified bundles keep the names that stacks show", async () => {
  const files = { "a.ts": "export default function longHandlerName() { const unusedSpace = 1; return unusedSpace }" };
  const bundle = await bundleOf(files, { minify: true });
  assert.ok(bundle.code.length < (await bundleOf(files)).code.length);
  assert.equal(((await run(bundle)).exports["default"] as Call).name, "longHandlerName");
});
