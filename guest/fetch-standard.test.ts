/**
 * The corners of the Fetch standard that Workers code and frameworks lean on:
 * each program runs inside a sandbox and in Node, and both must say the same.
 * Where the sandbox differs on purpose, it is asked alone and the reason given.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../src/engines/engine.ts";
import { inGuest, inNode } from "../test/support/in-guest.ts";
import { makeEngine } from "../test/support/javascript-subject.ts";

let engine: Engine;
before(async () => {
  engine = await makeEngine();
});
after(() => engine.close());

/** The name of what each expression throws, or its value. */
const outcomes = (...expressions: string[]): string =>
  `const out = []; ${expressions.map((one) => `try { out.push(await (${one})); } catch (e) { out.push("threw " + e.name); }`).join("\n")} return out;`;

const SAME: Readonly<Record<string, string>> = {
  "a request made of another takes its body, and leaves it used": `const a = new Request("http://a.test/", { method: "POST", body: "x" }); const b = new Request(a); return [a.bodyUsed, b.bodyUsed, await b.text()];`,
  "a request made of another may be given a new body while the old one is used": `const a = new Request("http://a.test/", { method: "POST", body: "x" }); await a.text(); return await new Request(a, { body: "y" }).text();`,
  "a used request makes no other": `const a = new Request("http://a.test/", { method: "POST", body: "x" }); await a.text(); new Request(a); return "no throw";`,
  "a request with a body becomes no GET": `new Request(new Request("http://a.test/", { method: "POST", body: "x" }), { method: "GET" }); return "no throw";`,
  "an address and an old request as init make a new request": `const a = new Request("http://a.test/", { method: "PUT", body: "x", headers: { h: "1" }, redirect: "manual", duplex: "half" }); const b = new Request("http://b.test/", a); return [b.url, b.method, b.headers.get("h"), b.redirect, await b.text()];`,
  "null stands for no init": `return [new Request("http://a.test/", null).method, new Request("http://a.test/", undefined).method];`,
  "requests refuse what makes no request": outcomes(
    `new Request("http://user:secret@a.test/").url`,
    `new Request("http://a.test/", { method: "CONNECT" }).url`,
    `new Request("http://a.test/", { method: "a b" }).url`,
    `new Request("http://a.test/", { signal: {} }).url`,
    `new Request("http://a.test/", { redirect: "sideways" }).url`,
    `new Request("not an address").url`,
    `new Request("http://a.test/", { headers: [["a"]] }).url`,
  ),
  "methods are normalized as browsers do it": `return ["get", "post", "patch", "Delete"].map((method) => new Request("http://a.test/", { method }).method);`,
  "a request's signal follows the one it was given": `const c = new AbortController(); const r = new Request("http://a.test/", { signal: c.signal }); c.abort(); return [r.signal.aborted, r.clone().signal.aborted];`,
  "a stream that was read from is no body": `const s = new Response("ab").body; const reader = s.getReader(); await reader.read(); reader.releaseLock(); new Response(s); return "no throw";`,
  "a locked stream is no body": `const s = new Response("ab").body; s.getReader(); new Response(s); return "no throw";`,
  "every way to read a body refuses a second time": outcomes(
    ...["text", "json", "arrayBuffer", "blob", "bytes", "formData"].map(
      (way) =>
        `(async () => { const r = new Response("1", { headers: { "content-type": "application/x-www-form-urlencoded" } }); await r[${JSON.stringify(way)}](); return r[${JSON.stringify(way)}](); })()`,
    ),
    `(async () => { const r = new Response("1"); await r.text(); return r.clone(); })()`,
  ),
  "an empty body may be read again and again": `const r = new Response(null); return [await r.text(), await r.text(), r.bodyUsed, r.body];`,
  "null-body statuses take no body": outcomes(
    ...[204, 205, 304].flatMap((status) => [
      `new Response("x", { status: ${status} }).status`,
      `new Response(null, { status: ${status} }).status`,
    ]),
    `new Response("", { status: 204 }).status`,
    `Response.json({}, { status: 204 }).status`,
  ),
  "statuses out of range are refused": outcomes(
    ...[101, 199, 600, -1, 1000].map((status) => `new Response(null, { status: ${status} }).status`),
    `new Response(null, { statusText: "a\\nb" }).status`,
  ),
  "Response.json keeps the headers it is given": `return [Response.json(1, { headers: { "content-type": "application/problem+json", "x-a": "1" } }), Response.json([null]), Response.json("x", { status: 418, statusText: "Teapot" })].map((r) => [r.status, r.statusText, [...r.headers]]);`,
  "Response.json takes another response as init": `const r = Response.json({}, new Response("x", { status: 404, statusText: "Gone Away", headers: { "x-a": "1" } })); return [r.status, r.statusText, r.headers.get("x-a")];`,
  "Response.json refuses what JSON does not have": outcomes(`Response.json(undefined).status`, `Response.json(Symbol("s")).status`),
  "a response made of another keeps its parts": `const a = new Response("x", { status: 404, statusText: "No", headers: { "x-a": "1" } }); const b = new Response(a.body, a); return [b.status, b.statusText, b.headers.get("x-a"), await b.text()];`,
  "a clone keeps status text, headers of its own and its body": `const a = new Response("x", { status: 404, statusText: "No", headers: { "x-a": "1" } }); const b = a.clone(); b.headers.set("x-a", "2"); return [b.status, b.statusText, a.headers.get("x-a"), b.headers.get("x-a"), await b.text(), await a.text()];`,
  "redirects are written as addresses": outcomes(
    `Response.redirect("http://a.test").headers.get("location")`,
    `Response.redirect("http://a.test/\\ud800 é").headers.get("location")`,
    `Response.redirect("http://a.test/", "308").status`,
    `Response.redirect("http://a.test/", 304).status`,
    `Response.redirect("http://[", 302).status`,
  ),
  "cookies stay apart": `const h = new Headers({ "set-cookie": "a=1" }); h.append("Set-Cookie", "b=2; Path=/, x"); h.append("x", "1"); const c = new Headers(h); h.delete("set-cookie"); return [h.getSetCookie(), c.getSetCookie(), [...c], c.get("set-cookie"), new Response(null, { headers: c }).headers.getSetCookie()];`,
  "what one clone's reader writes, the other does not see": `const out = []; for (const body of [new Uint8Array([1, 2]), new Blob([new Uint8Array([1, 2])]), new ReadableStream({ start(c) { c.enqueue(new Uint8Array([1, 2])); c.close(); } })]) { const a = new Response(body); const b = a.clone(); new Uint8Array(await a.arrayBuffer()).fill(9); out.push([...new Uint8Array(await b.arrayBuffer())]); } return out;`,
  "chunks of a cloned stream are not shared": `const a = new Request("http://a.test/", { method: "POST", duplex: "half", body: new ReadableStream({ start(c) { c.enqueue(new Uint8Array([1, 2])); c.close(); } }) }); const b = a.clone(); (await a.body.getReader().read()).value.fill(9); return [...(await b.body.getReader().read()).value];`,
  "lone surrogates become U+FFFD": `return [await new Response("a\\ud800b").text(), new URL("http://a.test/\\udc00?\\ud800").href, new URLSearchParams("a=\\ud800").toString(), encodeURIComponent(await new Response(new URLSearchParams({ a: "\\udfff" })).text())];`,
  "url-encoded forms decode what browsers send": `const f = await new Response("a=1&a=2&b=%C3%BC+x&=&c", { headers: { "content-type": "Application/X-WWW-Form-URLEncoded; charset=utf-8" } }).formData(); return [...f];`,
  "bodies that are no form are refused": outcomes(
    `new Response("x").formData()`,
    `new Response("x", { headers: { "content-type": "multipart/form-data" } }).formData()`,
    `new Response("--B\\r\\n", { headers: { "content-type": "multipart/form-data; boundary=B" } }).formData()`,
  ),
  "invalid JSON is a SyntaxError": `await new Response("{").json(); return "no throw";`,
};

describe("the sandbox and Node agree that", () => {
  for (const [name, program] of Object.entries(SAME)) {
    test(name, async () => assert.deepEqual(await inGuest(engine, program), await inNode(program)));
  }
});

describe("in the sandbox", () => {
  test("a handler is given a request, its env and a context, and nothing of ours", async () => {
    const forms = [
      "export default (...args) => Response.json(args.length)",
      "export default { fetch: (...args) => Response.json(args.length) }",
      "export function POST(...args) { return Response.json(args.length); }",
      "export function handler(...args) { return Response.json(args.length); }",
    ];
    const { fakeCall } = await import("../test/support/fake-exchange.ts");
    const { sourceOf } = await import("../test/support/javascript-subject.ts");
    for (const form of forms) {
      const sandbox = await (await engine.prepare(await sourceOf(form))).open();
      const { call, answer } = fakeCall({ method: "POST" });
      sandbox.invoke(call);
      assert.equal((await answer).body.toString(), "3", form);
      sandbox.close();
    }
  });

  test("an incoming request passes its parts on to one with another address", async () => {
    assert.deepEqual(
      await inGuest(
        engine,
        `const r = new Request("http://up.test/x", request); return [r.url, r.method, r.headers.get("x-one"), await r.text(), request.bodyUsed];`,
      ),
      ["http://up.test/x", "POST", "1", "payload", true],
    );
  });

  // Node's parser takes the parameters in one order only.
  test("a form's file name that holds what looks like a field name is no field name", async () => {
    const program = `const body = ['--B', 'Content-Disposition: form-data; filename="x; name=evil"; name="f"', 'Content-Type: text/css', '', 'a', '--B--', ''].join("\\r\\n");
      const form = await new Response(body, { headers: { "content-type": 'multipart/form-data; boundary="B"' } }).formData();
      const file = form.get("f"); return [[...form.keys()], file.name, file.type, await file.text()];`;
    assert.deepEqual(await inGuest(engine, program), [["f"], "x; name=evil", "text/css", "a"]);
  });
});
