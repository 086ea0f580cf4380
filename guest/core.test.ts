/**
 * Headers, Request, Response, timers and console as a function meets them:
 * each program runs inside a sandbox, and where Node has the same class, there
 * too; both must say the same.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../src/engines/engine.ts";
import { fakeCall } from "../test/support/fake-exchange.ts";
import { inGuest, inNode } from "../test/support/in-guest.ts";
import { makeEngine, sourceOf } from "../test/support/javascript-subject.ts";

let engine: Engine;
before(async () => {
  engine = await makeEngine();
});
after(() => engine.close());

/** Programs on which the sandbox and Node must agree. */
const SAME: Readonly<Record<string, string>> = {
  "headers combine, sort and keep cookies apart": `const h = new Headers([["b","1"],["a","2"],["B","3"],["Set-Cookie","x=1"],["set-cookie","y=2"]]); return [[...h], h.get("b"), h.getSetCookie(), [...h.keys()], h.has("A")];`,
  "headers set and delete": `const h = new Headers({ a: "1" }); h.append("a", "2"); h.set("A", "3"); h.append("c", "4"); h.delete("C"); return [...h];`,
  "headers trim values": `return new Headers({ a: " \\t x \\t" }).get("a");`,
  "a header name with a space throws": `new Headers({ "a b": "1" }); return "no throw";`,
  "a header value with a newline throws": `new Headers({ a: "1\\n2" }); return "no throw";`,
  "headers copy headers": `const a = new Headers({ x: "1" }); const b = new Headers(a); b.set("x", "2"); return [a.get("x"), b.get("x")];`,
  "a response has its defaults": `const r = new Response("x"); return [r.status, r.ok, r.statusText, r.headers.get("content-type"), r.bodyUsed, await r.text(), r.bodyUsed];`,
  "a response body is read once": `const r = new Response("x"); await r.text(); await r.text(); return "no throw";`,
  "a null-body status takes no body": `new Response("x", { status: 204 }); return "no throw";`,
  "a response refuses status 199": `new Response("", { status: 199 }); return "no throw";`,
  "json bodies": `const r = Response.json({ a: 1 }, { status: 201, headers: { "x-y": "z" } }); return [r.status, r.headers.get("content-type"), r.headers.get("x-y"), await r.json()];`,
  "a clone reads the same": `const r = new Response("abc"); const c = r.clone(); return [await r.text(), await c.text()];`,
  "a streamed clone reads the same": `const s = new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode("ab")); c.enqueue(new TextEncoder().encode("cd")); c.close(); } }); const r = new Response(s); const c = r.clone(); return [await r.text(), await c.text()];`,
  "array buffers are whole": `return [...new Uint8Array(await new Response(new Uint8Array([1, 2, 255])).arrayBuffer())];`,
  "text drops a byte order mark": `return await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])).text();`,
  "a blob carries its type": `const b = await new Response("x", { headers: { "content-type": "text/css" } }).blob(); return [b.type, b.size];`,
  "url-encoded forms": `const f = await new Response(new URLSearchParams({ a: "1 2", b: "ü" })).formData(); return [...f];`,
  "multipart forms there and back": `const f = new FormData(); f.set("a", "1"); f.set("f", new File(["content"], "n.txt", { type: "text/plain" })); const g = await new Response(f).formData(); const file = g.get("f"); return [g.get("a"), file.name, file.type, await file.text()];`,
  "a request has its defaults": `const r = new Request("http://a.test/x?y"); return [r.method, r.url, [...r.headers], r.body, r.bodyUsed, r.redirect];`,
  "a request copies a request": `const r = new Request("http://a.test/", { method: "post", body: "b", headers: { x: "1" } }); const c = new Request(r, { headers: { z: "2" } }); return [c.method, [...c.headers.keys()], await c.text(), r.bodyUsed];`,
  "a GET request takes no body": `new Request("http://a.test/", { body: "x" }); return "no throw";`,
  "a relative address throws": `new Request("/x"); return "no throw";`,
  "redirect answers": `const r = Response.redirect("http://a.test/é", 307); return [r.status, r.headers.get("location")];`,
  "redirect refuses 200": `Response.redirect("http://a.test/", 200); return "no throw";`,
  "body is a stream": `const r = new Response("abc"); const reader = r.body.getReader(); const { value } = await reader.read(); return [new TextDecoder().decode(value), (await reader.read()).done, r.bodyUsed];`,
  "timers keep their order": `const log = []; await new Promise((done) => { setTimeout(() => log.push("b"), 12); setTimeout(() => log.push("a"), 1); setTimeout(() => { log.push("c"); done(); }, 25); }); return log;`,
  "a cleared timer does not fire": `let fired = false; const id = setTimeout(() => { fired = true; }, 2); clearTimeout(id); await new Promise((r) => setTimeout(r, 15)); return fired;`,
  "intervals repeat until cleared": `let count = 0; await new Promise((done) => { const id = setInterval(() => { if (++count === 3) { clearInterval(id); done(); } }, 1); }); return count;`,
  "timer arguments": `return await new Promise((done) => setTimeout((a, b) => done([a, b]), 0, 1, 2));`,
  instanceof: `return [new Response("") instanceof Response, new Headers() instanceof Headers, Object.prototype.toString.call(new Response(""))];`,
  "classes extend Response": `class Mine extends Response { get mine() { return true; } } const m = new Mine("x", { status: 201 }); return [m.mine, m.status, m instanceof Response, await m.text()];`,
};

describe("the sandbox and Node agree that", () => {
  for (const [name, program] of Object.entries(SAME)) {
    test(name, async () => assert.deepEqual(await inGuest(engine, program), await inNode(program)));
  }
});

describe("in the sandbox", () => {
  test("the incoming request has its url, headers, parameters and body", async () => {
    assert.deepEqual(await inGuest(engine, `return [request.url, request.method, request.headers.get("x-one"), await request.text()]`), [
      "http://127.0.0.1/p?q=1",
      "POST",
      "1",
      "payload",
    ]);
  });

  test("Response is callable without new, as zigttp's is", async () => {
    assert.deepEqual(
      await inGuest(
        engine,
        `const r = Response("x", { status: 202 }); return [r.status, await r.text(), Response.text("a").headers.get("content-type")]`,
      ),
      [202, "x", "text/plain; charset=utf-8"],
    );
  });

  test("Response.redirect keeps a relative location", async () => {
    assert.equal(await inGuest(engine, `return Response.redirect("/a b").headers.get("location")`), "/a%20b");
  });

  test("console writes one record a call, under the call that wrote it", async () => {
    const source = await sourceOf(
      `export default async () => { console.log("a", { b: [1, new Map([["k", 2]])] }, null); await null; console.error("%s is %d", "x", 4); return new Response(""); }`,
    );
    const sandbox = await (await engine.prepare(source)).open();
    const { call, answer } = fakeCall();
    sandbox.invoke(call);
    assert.deepEqual((await answer).logs, ['info: a { b: [ 1, Map(1) { "k" => 2 } ] } null', "error: x is 4"]);
    sandbox.close();
  });

  test("a signal fires when the client goes away", async () => {
    const logs: { level: string; message: string }[] = [];
    const own = await makeEngine(logs);
    const source = await sourceOf(
      `export default (request) => new Promise(() => request.signal.addEventListener("abort", () => console.log("gone")))`,
    );
    const sandbox = await (await own.prepare(source)).open();
    const { call, abort } = fakeCall();
    sandbox.invoke(call);
    await new Promise((resolve) => setTimeout(resolve, 30));
    abort();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual(
      logs.map(({ message }) => message),
      ["gone"],
    );
    sandbox.close();
    own.close();
  });

  test("what fails in waitUntil is told under the call that gave it, whoever made it fail", async () => {
    const source = await sourceOf(
      `const gate = Promise.withResolvers();
       export default async (request, env, ctx) => {
         if (request.url.endsWith("/fail")) gate.reject(new Error("too late"));
         else { ctx.waitUntil(gate.promise); await gate.promise.catch(() => {}); await null; await null; await null; }
         return new Response("");
       };`,
    );
    const sandbox = await (await engine.prepare(source)).open();
    const giver = fakeCall();
    sandbox.invoke(giver.call);
    const failer = fakeCall({ target: "/fail" });
    sandbox.invoke(failer.call);
    const [given, failed] = await Promise.all([giver.answer, failer.answer]);
    assert.deepEqual(failed.logs, []);
    assert.match(given.logs.join(), /^error: Uncaught Error: too late/);
    sandbox.close();
  });
});
