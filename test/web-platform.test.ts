/**
 * The web platform of the sandbox against Node's own: each piece of code runs
 * here and in a sandbox, and both must say the same.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "./support/properties.ts";
import { openWebSandbox, type WebSandbox } from "./support/web-sandbox.ts";

let sandbox: WebSandbox;
before(async () => {
  sandbox = await openWebSandbox();
});
after(() => sandbox.close());

const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => (...args: unknown[]) => Promise<unknown>;

/** Helpers both sides have in scope. */
const PRELUDE = `
  const bytes = (...values) => new Uint8Array(values);
  const thrown = async (action) => { try { await action(); return "nothing"; } catch (error) { return [error.name, error instanceof DOMException && error.code]; } };
  const readAll = async (stream) => { const all = []; for await (const chunk of stream) for (const byte of chunk) all.push(byte); return all; };
`;

async function sameAsNode(...bodies: string[]): Promise<void> {
  for (const body of bodies) {
    const expected = JSON.parse(JSON.stringify((await new AsyncFunction("input", PRELUDE + body)(undefined)) ?? null)) as unknown;
    assert.deepEqual((await sandbox.run(PRELUDE + body)) ?? null, expected, body);
  }
}

/** One piece of code over many inputs, all crossing at once. */
async function sameOver(code: string, inputs: unknown[]): Promise<void> {
  const body = `${PRELUDE} return Promise.all(input.map(async (value) => { try { return await (${code})(value); } catch (error) { return [error.name]; } }));`;
  const expected = JSON.parse(JSON.stringify(await new AsyncFunction("input", body)(inputs))) as unknown[];
  const actual = (await sandbox.run(body, inputs)) as unknown[];
  for (const [at, input] of inputs.entries()) assert.deepEqual(actual[at], expected[at], `${code} of ${JSON.stringify(input)}`);
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.array(fc.integer({ min: 0xd7f0, max: 0xe010 }), { maxLength: 6 }).map((units) => String.fromCharCode(...units)),
);
const utf8Bytes = fc.oneof(
  fc.uint8Array({ maxLength: 24 }).map((array) => [...array]),
  fc.array(
    fc.constantFrom(
      0x41,
      0x80,
      0xbf,
      0xc0,
      0xc2,
      0xe0,
      0xa0,
      0x9f,
      0xed,
      0xef,
      0xbb,
      0xbf,
      0xf0,
      0x90,
      0x8f,
      0xf4,
      0xf5,
      0xff,
      0xe2,
      0x82,
      0xac,
    ),
    { maxLength: 16 },
  ),
);

test("UTF-8 is encoded and decoded byte for byte, malformed input included", async () => {
  await sameOver("(text) => [...new TextEncoder().encode(text)]", fc.sample(text, 2_000));
  await sameOver(
    "(text) => { const into = new Uint8Array(7); return [new TextEncoder().encodeInto(text, into), [...into]]; }",
    fc.sample(text, 1_000),
  );
  await sameOver("(list) => new TextDecoder().decode(new Uint8Array(list))", fc.sample(utf8Bytes, 3_000));
  await sameOver(
    "(list) => new TextDecoder('utf8', { fatal: true, ignoreBOM: true }).decode(new Uint8Array(list))",
    fc.sample(utf8Bytes, 2_000),
  );
  await sameOver(
    "(list) => { const d = new TextDecoder(); return [...list.map((byte) => d.decode(bytes(byte), { stream: true })), d.decode()]; }",
    fc.sample(utf8Bytes, 2_000),
  );
});

test("long text takes the way over the host and comes out the same", async () => {
  await sameAsNode(
    `const long = "aé😀\\ud800".repeat(5000); const coded = new TextEncoder().encode(long); const back = new TextDecoder().decode(coded); return [coded.length, back.length, back.slice(-9), new TextDecoder().decode(coded.subarray(1, 20000)).length];`,
    `const d = new TextDecoder(); const long = new TextEncoder().encode("\\ufeff" + "é".repeat(5000)); return [d.decode(long.subarray(0, 5001), { stream: true }).length, d.decode(long.subarray(5001)).length];`,
    `return thrown(() => new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(5000).fill(255)).length);`,
  );
});

test("other encodings are decoded by their labels, whole and streamed", async () => {
  await sameAsNode(
    `return ["latin1", "Windows-1252 ", "utf-16", "UTF-16BE", "gbk", "shift_jis", "koi8-r"].map((label) => { const d = new TextDecoder(label); return [d.encoding, d.decode(bytes(0x41, 0x80, 0xb0, 0xa1, 0xe9, 0x42)), d.fatal, d.ignoreBOM]; });`,
    `const d = new TextDecoder("utf-16le"); return [d.decode(bytes(0x41), { stream: true }), d.decode(bytes(0, 0x3d), { stream: true }), d.decode(bytes(0xd8), { stream: true }), d.decode(bytes(0, 0xde)), d.decode(bytes(0x42, 0))];`,
    `const d = new TextDecoder("gbk"); return [d.decode(bytes(0xc4), { stream: true }), d.decode(bytes(0xe3))];`,
    `return [await thrown(() => new TextDecoder("nope")), await thrown(() => new TextDecoder("utf-16le", { fatal: true }).decode(bytes(1)))];`,
  );
});

test("coder streams keep characters that a chunk border cuts", async () => {
  await sameAsNode(
    `const out = []; for await (const chunk of new Blob(["x"]).stream().pipeThrough(new TextDecoderStream())) out.push(chunk); return out;`,
    `const t = new TextDecoderStream(); const w = t.writable.getWriter(); for (const byte of [0xf0, 0x9f, 0x98, 0x80, 0xe2]) w.write(bytes(byte)).catch(() => {}); w.close(); let s = ""; for await (const c of t.readable) s += c; return [s, t.encoding];`,
    `const t = new TextEncoderStream(); const w = t.writable.getWriter(); w.write("a\\ud83d"); w.write("\\ude00b\\ud800"); w.close(); return readAll(t.readable);`,
  );
});

test("atob and btoa accept and refuse what Node's do", async () => {
  await sameOver("(text) => btoa(text)", fc.sample(text, 500));
  await sameOver(
    "(text) => atob(text)",
    fc.sample(
      fc.oneof(
        fc.base64String({ maxLength: 20 }),
        fc.stringMatching(/^[A-Za-z0-9+/= \n-]{0,12}$/),
        fc.constantFrom("a", "ab", "ab=", "ab==", "abc=", "abcd=", "a b c d", "====", "ab=c", "\u00a0YQ=="),
      ),
      1_000,
    ),
  );
});

test("structuredClone keeps types, cycles and identity, and refuses what it must", async () => {
  await sameAsNode(
    `const source = { n: -0, i: 1n, d: new Date(5), r: /a/gi, m: new Map([[{ k: 1 }, new Set([2])]]), u: new Uint16Array([1, 2, 3]).subarray(1), e: new RangeError("x", { cause: "y" }), a: [1, , 3], b: Object(true), s: Object("t"), z: undefined, v: new DataView(new ArrayBuffer(4), 1) };
     source.self = source; const c = structuredClone(source);
     return [Object.is(c.n, -0), String(c.i), c.d.getTime(), String(c.r), [...c.m].map(([k, v]) => [k.k, [...v]]), [...c.u], c.u.constructor.name, c.u.buffer.byteLength, c.e instanceof RangeError, c.e.message, c.e.cause, 1 in c.a, c.a.length, typeof c.b, c.b.valueOf(), String(c.s), "z" in c, c.self === c, c.v.byteOffset, Object.keys(c)];`,
    `class Point { constructor() { this.x = 1; } get y() { return 2; } } const c = structuredClone(new Point()); return [Object.getPrototypeOf(c) === Object.prototype, c];`,
    `const shared = {}; const c = structuredClone([shared, shared]); return c[0] === c[1] && c[0] !== shared;`,
    `const buffer = new ArrayBuffer(4); const view = new Uint8Array(buffer); view[0] = 7; const c = structuredClone({ view, buffer }, { transfer: [buffer] }); return [buffer.byteLength, c.buffer.byteLength, c.view[0], c.view.buffer === c.buffer];`,
    `return Promise.all([() => {}, Symbol(), { a: { b() {} } }, new WeakMap(), Promise.resolve(), new URL("http://a.test"), new Headers()].map((value) => thrown(() => structuredClone(value))));`,
    `const buffer = new ArrayBuffer(2); structuredClone(buffer, { transfer: [buffer] }); return [await thrown(() => structuredClone(buffer)), await thrown(() => structuredClone(1, { transfer: [{}] }))];`,
    `const buffer = new ArrayBuffer(2); await thrown(() => structuredClone({ buffer, f() {} }, { transfer: [buffer] })); return buffer.byteLength;`,
    `const c = structuredClone(new DOMException("m", "AbortError")); return [c.name, c.message, c.code, c instanceof DOMException];`,
    `const e = new TypeError("t"); e.name = "Custom"; const c = structuredClone(e); return [c instanceof Error, c instanceof TypeError, c.message, Object.keys(c)];`,
    `const b = structuredClone(new Blob(["abc"], { type: "text/plain" })); return [await b.text(), b.type];`,
    `let o = {}; const root = o; for (let i = 0; i < 500; i++) o = o.next = {}; let d = 0; for (let c = structuredClone(root); c; c = c.next) d++; return d;`,
    `return structuredClone(JSON.parse('{"__proto__": {"polluted": true}}')).polluted ?? "clean";`,
  );
});

test("blobs and files slice, read and stream", async () => {
  await sameAsNode(
    `const b = new Blob(["aé", bytes(1, 2), new Blob(["z"]), new Uint16Array([258]).buffer], { type: "Text/Plain" }); return [b.size, b.type, [...new Uint8Array(await b.arrayBuffer())], await b.slice(1, -3).text(), b.slice(-2, 99, "A/B").type, b.slice(5, 2).size, await readAll(b.stream())];`,
    `const f = new File(["x"], "a/b.txt", { lastModified: 5, type: "é" }); return [f.name, f.lastModified, f.type, f.size, f instanceof Blob, String(f)];`,
    `const source = bytes(1, 2, 3); const b = new Blob([source]); source[0] = 9; const copy = new Uint8Array(await b.arrayBuffer()); copy[1] = 9; return [...new Uint8Array(await b.arrayBuffer())];`,
    `return [await thrown(() => new Blob("abc")), await thrown(() => new File(["a"])), await new Blob(["\\ufeffx"]).text(), await new Blob([5, null]).text()];`,
    `const reader = new Blob(["hello"]).stream().getReader({ mode: "byob" }); const first = await reader.read(new Uint8Array(3)); const second = await reader.read(new Uint8Array(3)); const third = await reader.read(new Uint8Array(3)); return [[...first.value], [...second.value], third.done];`,
    `const b = new Blob([new Uint8Array(200000).fill(7)]); return (await readAll(b.stream())).length;`,
  );
});

test("FormData edits, and survives both of its formats", async () => {
  await sameAsNode(
    `const f = new FormData(); f.append("a", "1"); f.append("a", 2); f.append("b", new Blob(["x"])); f.set("a", "3"); f.append("c", new File(["y"], "n.txt"), "other.txt"); f.delete("zz"); return [[...f.keys()], f.getAll("a"), f.get("b").name, f.get("c").name, f.has("b"), f.get("nope"), await thrown(() => f.append("d", "text", "name"))];`,
    `const f = new FormData(); f.append('q"uo\\nte', "line\\nbreak\\r\\n"); f.append("file", new File([bytes(0, 255, 13, 10, 45, 45)], 'na"me.bin', { type: "image/png" })); f.append("empty", new Blob([])); const g = await new Response(f).formData(); return [[...g.keys()], g.get('q"uo\\r\\nte') ?? g.get('q"uo\\nte'), g.get("file").name, g.get("file").type, [...new Uint8Array(await g.get("file").arrayBuffer())], g.get("empty").size];`,
    `const g = await new Response("a=1&b=%C3%A9+x&a=2", { headers: { "content-type": "application/x-www-form-urlencoded" } }).formData(); return [...g];`,
    `return thrown(() => new Response("x", { headers: { "content-type": "text/plain" } }).formData());`,
  );
  const forms = fc.array(fc.tuple(fc.constantFrom("a", "b c", "é"), fc.stringMatching(/^[ -~\r\n-]{0,20}$/)), {
    minLength: 1,
    maxLength: 4,
  });
  // Longer than any content here, so that none can hold it.
  const BOUNDARY = "a-boundary-longer-than-any-content";
  const encode = (parts: [string, string][]): string =>
    `${parts.map(([name, content]) => `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`).join("")}--${BOUNDARY}--\r\n`;
  const parse = `async (body) => [...await new Response(body, { headers: { "content-type": "multipart/form-data; boundary=${BOUNDARY}" } }).formData()]`;
  const sent = fc.sample(forms, 300);
  assert.deepEqual(await sandbox.run(`return Promise.all(input.map(${parse}));`, sent.map(encode)), sent);
  const broken = fc
    .tuple(forms.map(encode), fc.nat(), fc.nat(3))
    .map(([body, at, count]) => body.slice(0, at % body.length) + body.slice((at % body.length) + count));
  // Broken bodies: parsers may differ in what they forgive, never in hanging or crashing.
  const outcomes = (await sandbox.run(
    `return Promise.all(input.map((body) => (${parse})(body).then(() => "parsed", (error) => error.name)));`,
    fc.sample(broken, 500),
  )) as string[];
  assert.ok(outcomes.every((outcome) => outcome === "parsed" || outcome === "TypeError"));
});

test("events run once, in order, capture first, and stop when told", async () => {
  await sameAsNode(
    `const t = new EventTarget(), log = []; t.addEventListener("x", () => log.push("bubble")); t.addEventListener("x", () => log.push("once"), { once: true }); t.addEventListener("x", { handleEvent(e) { log.push(this !== undefined && e.type); } }); t.dispatchEvent(new Event("x")); t.dispatchEvent(new Event("x")); return log;`,
    `const t = new EventTarget(), log = []; const f = () => log.push(1); t.addEventListener("x", f); t.addEventListener("x", f); t.removeEventListener("x", f, true); t.dispatchEvent(new Event("x")); t.removeEventListener("x", f); t.dispatchEvent(new Event("x")); return log;`,
    `const t = new EventTarget(), log = []; t.addEventListener("x", (e) => { log.push(1); e.stopImmediatePropagation(); }); t.addEventListener("x", () => log.push(2)); t.dispatchEvent(new Event("x")); return log;`,
    `const t = new EventTarget(); t.addEventListener("x", (e) => e.preventDefault()); return [t.dispatchEvent(new Event("x")), t.dispatchEvent(new Event("x", { cancelable: true }))];`,
    `const t = new EventTarget(), c = new AbortController(), log = []; t.addEventListener("x", () => log.push(1), { signal: c.signal }); c.abort(); t.dispatchEvent(new Event("x")); return log;`,
    `const e = new CustomEvent("x", { detail: { a: 1 } }); return [e.detail, e.type, e instanceof Event, new Event("y").bubbles, await thrown(() => new EventTarget().dispatchEvent({}))];`,
    `const t = new EventTarget(); let inner; t.addEventListener("x", (e) => { inner = [e.target === t, e.currentTarget === t, e.eventPhase]; }); const e = new Event("x"); t.dispatchEvent(e); return [inner, e.currentTarget, e.eventPhase];`,
  );
});

test("a listener that throws is reported as uncaught and does not stop the others", async () => {
  const dispatch = sandbox.run(
    `Object.defineProperty(globalThis, "ran", { value: [] }); const t = new EventTarget(); t.addEventListener("x", () => { throw new Error("listener failed"); }); t.addEventListener("x", () => ran.push("second")); t.dispatchEvent(new Event("x"));`,
  );
  // isolated-vm hands an unhandled rejection to whoever entered the isolate.
  await assert.rejects(dispatch, /listener failed/);
  assert.deepEqual(await sandbox.run("return ran;"), ["second"]);
});

test("abort signals fire once, with their reason, alone and joined", async () => {
  await sameAsNode(
    `const c = new AbortController(), log = []; c.signal.onabort = () => log.push("on"); c.signal.addEventListener("abort", () => log.push("listener")); c.abort("why"); c.abort("again"); return [log, c.signal.aborted, c.signal.reason, await thrown(() => { throw c.signal.reason; })];`,
    `const s = AbortSignal.abort(); return [s.aborted, s.reason.name, s.reason.code, await thrown(() => s.throwIfAborted()), await thrown(() => new AbortSignal())];`,
    `const a = new AbortController(), b = new AbortController(), j = AbortSignal.any([a.signal, b.signal]), k = AbortSignal.any([j]), log = []; k.addEventListener("abort", () => log.push(j.aborted, k.reason)); b.abort(5); a.abort(6); return [log, j.reason, AbortSignal.any([]).aborted, AbortSignal.any([a.signal]).aborted];`,
    `const s = AbortSignal.timeout(2); await new Promise((resolve) => s.addEventListener("abort", resolve)); return [s.aborted, s.reason.name, s.reason.code];`,
    `return [await thrown(() => AbortSignal.timeout(-1)) !== "nothing", await thrown(() => AbortSignal.any([1]))];`,
  );
});

test("streams carry back-pressure, errors and cancellation", async () => {
  await sameAsNode(
    `let pulls = 0; const s = new ReadableStream({ pull(c) { c.enqueue(pulls++); if (pulls === 5) c.close(); } }); const all = []; for await (const v of s) all.push(v); return all;`,
    `let pulls = 0; const s = new ReadableStream({ pull(c) { pulls++; c.enqueue(new Uint8Array(10)); } }, new ByteLengthQueuingStrategy({ highWaterMark: 25 })); await new Promise((r) => setTimeout(r, 5)); return pulls;`,
    `const t = new TransformStream({ transform(chunk, c) { c.enqueue(chunk * 2); }, flush(c) { c.enqueue("end"); } }); const w = t.writable.getWriter(); w.write(1); w.write(2); w.close(); const all = []; for await (const v of t.readable) all.push(v); return all;`,
    `let reason; const s = new ReadableStream({ cancel(r) { reason = r; } }); await s.cancel("done"); return reason;`,
    `const s = new ReadableStream({ start(c) { c.error(new RangeError("x")); } }); return thrown(() => s.getReader().read());`,
    `const [a, b] = new ReadableStream({ start(c) { c.enqueue("x"); c.close(); } }).tee(); return [(await a.getReader().read()).value, (await b.getReader().read()).value];`,
    `const got = []; await ReadableStream.from(["a", "b"]).pipeTo(new WritableStream({ write(c) { got.push(c); } })); return got;`,
  );
});

test("gzip, deflate and brotli streams round-trip and agree with Node's", async () => {
  await sameAsNode(
    ...["gzip", "deflate", "deflate-raw"].map(
      (format) =>
        `const data = new Uint8Array(300000).map((_, i) => i * i); const packed = new Blob([data]).stream().pipeThrough(new CompressionStream("${format}")); const back = await readAll(packed.pipeThrough(new DecompressionStream("${format}"))); return [back.length, back.every((b, i) => b === data[i])];`,
    ),
    `return [await thrown(() => new CompressionStream("lzma")), await thrown(() => new DecompressionStream())];`,
    `return [await thrown(() => readAll(new Blob(["not gzip"]).stream().pipeThrough(new DecompressionStream("gzip"))))].map(([name]) => name);`,
    `const packed = await readAll(new Blob(["abc"]).stream().pipeThrough(new CompressionStream("gzip"))); return [await thrown(() => readAll(new Blob([new Uint8Array(packed.slice(0, -4))]).stream().pipeThrough(new DecompressionStream("gzip")))), await thrown(() => readAll(new Blob([new Uint8Array([...packed, 1])]).stream().pipeThrough(new DecompressionStream("gzip"))))].map(([name]) => name);`,
  );
  const seen = await sandbox.run(
    `const text = "brotli ".repeat(1000); const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("brotli")); return (await new Response(packed.pipeThrough(new DecompressionStream("brotli"))).text()) === text;`,
  );
  assert.equal(seen, true);
});

test("a decompression bomb is read chunk by chunk, and can be dropped", async () => {
  const seen =
    await sandbox.run(`const zeros = new Uint8Array(1 << 20); const parts = []; const c = new CompressionStream("gzip"); const w = c.writable.getWriter(); const packed = (async () => { for await (const chunk of c.readable) parts.push(chunk); })();
    for (let i = 0; i < 200; i++) await w.write(zeros); await w.close(); await packed;
    const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("gzip")).getReader(); let most = 0;
    for (let i = 0; i < 20; i++) most = Math.max(most, (await reader.read()).value.byteLength);
    await reader.cancel(); return most;`);
  assert.ok((seen as number) <= 256 * 1024, `a chunk had ${seen} bytes`);
  assert.equal(sandbox.context.state.size, 0, "the dropped stream left a handle open");
});

test("DOMException has names, codes and constants", async () => {
  await sameAsNode(
    `return ["AbortError", "DataCloneError", "NotFoundError", "TimeoutError", "Whatever", "IndexSizeError", "QuotaExceededError"].map((name) => { const e = new DOMException("m", name); return [e.name, e.code, e.message, e instanceof Error, String(e), Object.prototype.toString.call(e)]; });`,
    `return [DOMException.ABORT_ERR, DOMException.prototype.DATA_CLONE_ERR, DOMException.URL_MISMATCH_ERR, DOMException.INVALID_NODE_TYPE_ERR, new DOMException().name, new DOMException("a", { name: "N", cause: 1 }).cause, "stack" in new DOMException()];`,
  );
});

test("globals are not enumerable, and nothing of the host is in sight", async () => {
  const seen = (await sandbox.run(
    `return [Object.keys(globalThis).filter((name) => name !== "__done" && name !== "__env__"), typeof globalThis.process, typeof globalThis.require, typeof globalThis.__pilotlight_boot, performance.now() >= 0, Math.abs(performance.timeOrigin - Date.now()) < 60000, range(2, 5), JSON.tryParse("{").isErr()];`,
  )) as unknown[];
  assert.deepEqual(seen, [[], "undefined", "undefined", "undefined", true, true, [2, 3, 4], true]);
});
