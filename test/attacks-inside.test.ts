/**
 * Attacks on the guest's own machinery and on what it hands to the host, each
 * in both lanes: the call must end with exactly this, a neighbour in the same
 * process must be answered meanwhile, and the sandbox must serve on where
 * nothing says that it had to end.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine, EngineSource, Sandbox } from "../src/engines/engine.ts";
import { type FakeAnswer, fakeCall } from "./support/fake-exchange.ts";
import { makeEngine, sourceOf } from "./support/javascript-subject.ts";

const MIB = 1024 * 1024;
const PROMOTING_CALLS = 60;
const ATTEMPTS_MAX = 100;
/** A turn that had its thread's processor for less of its time was kept from it. */
const STARVED_SHARE = 0.8;

interface Attack {
  /** Body of an async handler. */
  readonly code: string;
  /** Body of the answer, or code of the failure; both may be patterns. */
  readonly body?: RegExp;
  readonly failure?: RegExp;
  readonly says?: RegExp;
  /** The sandbox ends with it. */
  readonly ends?: true;
}

const ENDLESS = { failure: /^CPU_LIMIT_EXCEEDED$/, ends: true } as const;
/** The watchdog may be quicker than the heap is full. */
const FULL_OR_ENDLESS = { failure: /^(MEMORY|CPU)_LIMIT_EXCEEDED$/, ends: true } as const;

const ATTACKS: Readonly<Record<string, Attack>> = {
  "a loop of growing arrays, from which V8 would take the interrupt check": {
    code: `const a = []; for (;;) a.push(new Array(1000));`,
    ...FULL_OR_ENDLESS,
  },
  "an object that looks like a response, with getters": {
    code: `return { get status() { throw 1; }, get headers() { for (;;); }, body: "x" };`,
    failure: /^HANDLER_THREW$/,
    says: /no Response/,
  },
  "an object with a response's prototype": { code: `return Object.create(Response.prototype);`, failure: /^HANDLER_THREW$/ },
  "a Response class that claims every value": {
    code: `Object.defineProperty(Response, Symbol.hasInstance, { value: () => true }); return 5;`,
    failure: /^HANDLER_THREW$/,
  },
  "a response with a status and lines that are no text": {
    code: `const r = new Response("x"); r.status = { toString: 1, valueOf: 1 }; r.headerLines = () => Symbol("s"); return r;`,
    failure: /^HANDLER_THREW$/,
  },
  "a thenable that resolves twice, with two streams": {
    code: `const make = (text) => new Response(new ReadableStream({ async pull(c) { await null; c.enqueue(text); c.close(); } }));
      return { then(resolve) { resolve(make("a")); resolve(new Response("b")); resolve(5); } };`,
    body: /^a$/,
  },
  "a thenable that never stops resolving": { code: `return { then(r) { for (;;) r(new Response("a".repeat(1000))); } };`, ...ENDLESS },
  "a promise whose species throws": {
    code: `class Mine extends Promise { static get [Symbol.species]() { return function () { throw new Error("species"); }; } } return new Mine((r) => r(new Response("x")));`,
    failure: /^HANDLER_THREW$/,
    says: /species/,
  },
  "hijacked call, apply and then": {
    code: `Function.prototype.call = Function.prototype.apply = Reflect.apply = () => { throw new Error("hijack"); };
      await new Promise((resolve) => setTimeout(resolve, 1)); return new Response("x");`,
    body: /^x$/,
  },
  "setters on Object.prototype under names the prelude uses": {
    code: `for (const name of ["then", "$fault", "callId"])
        Object.defineProperty(Object.prototype, name, { set() { throw 1; }, get() { return undefined; }, configurable: true });
      return new Response(new ReadableStream({ start(c) { c.enqueue("x"); c.close(); } }));`,
    body: /^x$/,
  },
  "prepareStackTrace that throws, with a rejection nobody hears": {
    code: `Error.prepareStackTrace = () => { throw new Error("prepared"); }; Promise.reject(new Error("unheard")); null.x;`,
    failure: /^HANDLER_THREW$/,
    says: /can't be shown/,
  },
  "prepareStackTrace that spins": { code: `Error.prepareStackTrace = () => { for (;;); }; throw new Error("x");`, ...ENDLESS },
  "prepareStackTrace that looks for functions of ours": {
    code: `Error.prepareStackTrace = (error, sites) => sites;
      let sites; try { new Headers([["bad name", "x"]]); } catch (error) { sites = error.stack; }
      return Response.json(sites.filter((site) => site.getThis() !== undefined || site.getFunction() !== undefined).length);`,
    body: /^0$/,
  },
  "an error without end": { code: `throw new Error("x".repeat(2 ** 20), { cause: "y".repeat(2 ** 20) });`, failure: /^HANDLER_THREW$/ },
  "an error that is its own cause": {
    code: `const e = new Error("mine"); e.cause = e; throw e;`,
    failure: /^HANDLER_THREW$/,
    says: /mine/,
  },
  "a stream whose size() throws": {
    code: `return new Response(new ReadableStream({ start(c) { c.enqueue("x"); } }, { size() { throw new Error("sized"); } }));`,
    failure: /^HANDLER_THREW$/,
    says: /sized/,
  },
  "a stream of things that are no bytes": {
    code: `return new Response(new ReadableStream({ pull(c) { c.enqueue({ get byteLength() { throw 1; } }); } }));`,
    failure: /^HANDLER_THREW$/,
    says: /neither bytes nor text/,
  },
  "lone surrogates in a header": { code: `return new Response("", { headers: { a: "\\ud800" } });`, failure: /^HANDLER_THREW$/ },
  "lone surrogates in a body": { code: `return new Response("a\\ud800b");`, body: /^a\ufffdb$/ },
  "headers of a Proxy whose values never come": {
    code: `return new Response("", { headers: new Proxy({}, { ownKeys: () => ["a"], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }), get: () => { for (;;); } }) });`,
    ...ENDLESS,
  },
  "headers that never end": {
    code: `return new Response("", { headers: { *[Symbol.iterator]() { for (;;) yield ["a", "b"]; } } });`,
    ...FULL_OR_ENDLESS,
  },
  "structuredClone of what is nested too deep": {
    code: `let o = {}; for (let i = 0; i < 50_000; i++) o = { o }; structuredClone(o);`,
    failure: /^HANDLER_THREW$/,
    says: /call stack/,
  },
  "a nested key that is handed to the host": {
    code: `let o = {}; for (let i = 0; i < 50_000; i++) o = { o };
      return new Response(await crypto.subtle.importKey("jwk", { kty: "oct", k: o }, "HMAC", true, ["sign"]).then(() => "taken", (e) => e.name));`,
    body: /Error$/,
  },
  "JSON nested 200,000 deep": {
    code: `let o = []; for (let i = 0; i < 200_000; i++) o = [o]; const text = JSON.stringify(o); JSON.parse(text); return new Response(String(text.length));`,
    body: /^400002$/,
  },
  "import() at run time, from three kinds of code": {
    code: `const name = "node:fs"; const outcome = (action) => Promise.resolve().then(action).then(() => "imported", (e) => e.message);
      return Response.json([await outcome(() => import(name)), await outcome(() => new Function("return import('fs')")()), await outcome(() => (0, eval)("import('data:text/javascript,1')"))]);`,
    body: /^\["Not supported","Not supported","Not supported"\]$/,
  },
  "eval and Function that look for the host": {
    code: `return Response.json([eval("typeof process"), new Function("return typeof require")(), (async () => {}).constructor("return typeof module")() instanceof Promise]);`,
    body: /^\["undefined","undefined",true\]$/,
  },
  "Atomics.wait to stop the thread": {
    code: `return new Response(typeof SharedArrayBuffer + Atomics.wait(new Int32Array(8), 0, 0, 1e9));`,
    failure: /^HANDLER_THREW$/,
    says: /not a shared typed array/,
  },
  "console.log of what throws when it is looked at": {
    code: `const revoked = Proxy.revocable({}, {}); revoked.revoke();
      console.log(revoked.proxy, new Proxy({}, { get() { throw 1; }, ownKeys() { throw 2; }, getPrototypeOf() { throw 3; } }), { get x() { throw 4; } }, Object.create(null));
      console.log("%s %d", { toString() { throw 5; } }, { valueOf() { throw 6; } }); return new Response("logged");`,
    body: /^logged$/,
  },
  "console.log of what spins when it is looked at": { code: `console.log({ get x() { for (;;); } });`, ...ENDLESS },
  "a BigInt that outgrows everything": {
    code: `let x = 3n; for (;;) x = x * x;`,
    ...FULL_OR_ENDLESS,
    failure: /^(HANDLER_THREW|(CPU|MEMORY)_LIMIT_EXCEEDED)$/,
  },
  "a string that is flat only when it is read": { code: `return new Response("x".repeat(2 ** 28));`, ...FULL_OR_ENDLESS },
  "a comparator that never ends": { code: `[3, 2, 1].sort(() => { for (;;); });`, ...ENDLESS },
  "a regular expression too deep to compile": {
    code: `return new Response(String(new RegExp("(?:a{1,1000}){1,1000}".repeat(20)).test("b")));`,
    body: /^false$/,
  },
  "20,000 rejections that nobody hears": {
    code: `for (let i = 0; i < 20_000; i++) Promise.reject(new Error("unheard")); return new Response("x");`,
    body: /^x$/,
  },
  "a buffer that shrinks after it was given as a body": {
    code: `const b = new Uint8Array(new ArrayBuffer(10, { maxByteLength: 100 })); const r = new Response(b); b.buffer.resize(0);
      const c = new Uint8Array(10); const q = new Response(c); structuredClone(c.buffer, { transfer: [c.buffer] });
      return Response.json([(await r.bytes()).length, (await q.bytes()).length]);`,
    body: /^\[10,10\]$/,
  },
  "a promise that resolves through itself": {
    code: `const f = async () => { await f(); }; await f();`,
    failure: /^(HANDLER_THREW|(CPU|MEMORY)_LIMIT_EXCEEDED)$/,
  },
};

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

describe("an attack from inside", () => {
  let engine: Engine;
  let neighbour: Sandbox;
  let listed: EngineSource;
  before(async () => {
    engine = await makeEngine();
    neighbour = await (await engine.prepare(await sourceOf(`export default () => new Response("unharmed");`))).open();
    listed = await bundle(Object.fromEntries(Object.entries(ATTACKS).map(([name, { code }]) => [name, code])));
  });
  after(() => engine.close());

  function ask(sandbox: Sandbox, target = "/"): Promise<FakeAnswer> {
    const { call, answer } = fakeCall({ target });
    sandbox.invoke(call);
    return answer;
  }

  /** All attacks in one bundle: bundling each would take longer than all of them. */
  async function bundle(codes: Readonly<Record<string, string>>, limits: Partial<EngineSource> = {}): Promise<EngineSource> {
    const attacks = Object.entries(codes).map(([name, code]) => `${JSON.stringify(name)}: async (request, env, ctx) => { ${code} }`);
    return sourceOf(
      `const attacks = { ${attacks.join(",\n")} };
       export default (request, env, ctx) => {
         const name = decodeURIComponent(request.url.slice(request.url.lastIndexOf("/") + 1));
         return name in attacks ? attacks[name](request, env, ctx) : new Response("calm");
       };`,
      { memoryMaxBytes: 64 * MIB, cpuTimeoutMs: 600, timeoutMs: 120_000, ...limits },
    );
  }

  async function open(source: EngineSource, lane: "thread" | "loop"): Promise<Sandbox> {
    const template = await engine.prepare(source);
    const sandbox = await template.open();
    for (let call = 0; lane === "loop" && template.lane !== "loop"; call++) {
      assert.ok(call < 20 * PROMOTING_CALLS, "the function is never promoted");
      await ask(sandbox);
    }
    return sandbox;
  }

  interface Attempt {
    readonly sandbox: Sandbox;
    readonly answer: FakeAnswer;
  }

  /** The loop lane's limit is wall time: a turn that was kept from its processor passes it too. Such attempts say nothing. */
  async function whileOnProcessor(attempt: () => Promise<Attempt>): Promise<Attempt> {
    for (let attempts = 1; ; attempts++) {
      const [startMs, cpuBeforeMs] = [performance.now(), threadCpuMs()];
      const made = await attempt();
      const share = (threadCpuMs() - cpuBeforeMs) / (performance.now() - startMs);
      const isLate = /held the event loop for more than/.test(made.answer.failure?.message ?? "");
      if (!isLate || share > STARVED_SHARE || attempts === ATTEMPTS_MAX) return made;
    }
  }

  /** Beside a neighbour that must be served meanwhile. */
  async function attacked(name: string, lane: "thread" | "loop"): Promise<Attempt> {
    const sandbox = await open(listed, lane);
    const attack = ask(sandbox, `/${encodeURIComponent(name)}`);
    assert.equal((await ask(neighbour)).body.toString(), "unharmed");
    return { sandbox, answer: await attack };
  }

  for (const [name, { body, failure, says, ends }] of Object.entries(ATTACKS)) {
    for (const lane of ["thread", "loop"] as const) {
      test(`${name}, in the ${lane} lane`, async () => {
        const isEnded = failure?.test("CPU_LIMIT_EXCEEDED") === true;
        const { sandbox, answer } = await (isEnded ? attacked(name, lane) : whileOnProcessor(() => attacked(name, lane)));
        if (failure === undefined) assert.equal(answer.failure?.message, undefined);
        else {
          assert.match(answer.failure?.code ?? `answered ${answer.status}`, failure);
          assert.ok((answer.failure?.message.length ?? 0) <= 64 * 1024, "the reason is cut to a length that a log can take");
        }
        if (body !== undefined) assert.match(answer.body.toString(), body);
        if (says !== undefined) assert.match(answer.failure?.message ?? "", says);
        if (ends) assert.equal(sandbox.closed, true);
        else if (!sandbox.closed) assert.equal((await ask(sandbox)).body.toString(), "calm");
        assert.equal((await ask(neighbour)).body.toString(), "unharmed");
        sandbox.close();
      });
    }
  }

  test("a call that outgrows the memory in the loop lane is told so, and one that waits beside it may come again", async () => {
    const codes = {
      hoard: `const hoard = []; for (;;) hoard.push(new Array(1_000).fill(1));`,
      wait: `await new Promise((resolve) => setTimeout(resolve, 60_000)); return new Response("waited");`,
    };
    const source = await bundle(codes, { memoryMaxBytes: 16 * MIB });
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const sandbox = await open(source, "loop");
      const beside = ask(sandbox, "/wait");
      const { failure } = await ask(sandbox, "/hoard");
      assert.equal((await beside).failure?.code, "SANDBOX_LOST");
      if (failure?.code === "MEMORY_LIMIT_EXCEEDED") return;
      // On a busy machine the watchdog may be quicker than the heap is full.
      assert.equal(failure?.code, "CPU_LIMIT_EXCEEDED");
    }
    assert.fail("its heap was never full in time");
  });

  test("a finalizer that spins is ended like any other turn", async () => {
    const code = `const registry = new FinalizationRegistry(() => { for (;;); });
      for (let i = 0; i < 3_000; i++) registry.register({ load: new Array(1_000).fill(i) }, i);
      await new Promise((resolve) => setTimeout(resolve, 50)); return new Response("x");`;
    const sandbox = await open(await bundle({ attack: code }), "thread");
    const answer = await ask(sandbox, "/attack");
    assert.equal(answer.failure?.code, "CPU_LIMIT_EXCEEDED");
    assert.equal((await ask(neighbour)).body.toString(), "unharmed");
  });

  test("a stream that is always ready outlasts the CPU limit of one turn, for its turns are many", async () => {
    const code = `return new Response((async function* () { for (let i = 0; i < 1_000; i++) { for (let n = 0; n < 1_000_000; n++); yield "x"; } })());`;
    const source = await bundle({ attack: code });
    for (const lane of ["thread", "loop"] as const) {
      const { sandbox, answer } = await whileOnProcessor(async () => {
        const opened = await open(source, lane);
        return { sandbox: opened, answer: await ask(opened, "/attack") };
      });
      assert.equal(answer.failure?.message, undefined);
      assert.equal(answer.body.length, 1_000);
      sandbox.close();
    }
  });

  test("a stream that never ends holds up nobody, and ends when its client leaves", async () => {
    const source = await bundle({ attack: `return new Response((async function* () { for (;;) yield "x"; })());` });
    for (const lane of ["thread", "loop"] as const) {
      const sandbox = await open(source, lane);
      const { call, abort } = fakeCall({ target: "/attack" });
      sandbox.invoke(call);
      for (let round = 0; round < 20; round++) assert.equal((await ask(neighbour)).body.toString(), "unharmed");
      assert.equal((await ask(sandbox)).body.toString(), "calm");
      abort();
      assert.equal(sandbox.busyCount, 0);
      sandbox.close();
    }
  });

  test("globals poisoned by one call are the next call's in shared state, and nobody else's in fresh state", async () => {
    const code = `export default () => { const was = globalThis.poison ?? "clean"; globalThis.poison = "poisoned"; Array.prototype.push = () => 0; return new Response(was); };`;
    for (const [freshState, second] of [
      [false, "poisoned"],
      [true, "clean"],
    ] as const) {
      const sandbox = await (await engine.prepare(await sourceOf(code, { freshState }))).open();
      assert.equal((await ask(sandbox)).body.toString(), "clean");
      assert.equal((await ask(sandbox)).body.toString(), second);
      sandbox.close();
    }
  });
});
