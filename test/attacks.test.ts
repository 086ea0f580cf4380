/**
 * Attacks from inside a function. Each one must end with an answer and a
 * reason, and everybody else must be answered meanwhile. Limits are low here so
 * that the suite is quick; what they are is tested where they are defined.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { readFlightRecord } from "../src/serve/flight-record.ts";
import { eventually } from "./support/fake-fleet.ts";
import { startServer, type TestServer } from "./support/server.ts";

const spin = "for (;;);";

/** Function id → source, and what its caller must be told. */
const ATTACKS: Readonly<Record<string, { source: string; code: string; logged?: RegExp }>> = {
  "loop-sync": { source: `export default () => { ${spin} }`, code: "CPU_LIMIT_EXCEEDED", logged: /CPU time/ },
  "loop-in-promise": { source: `export default async () => { await null; ${spin} }`, code: "CPU_LIMIT_EXCEEDED" },
  "loop-in-getter": { source: `export default () => new Response("", { get status() { ${spin} } })`, code: "CPU_LIMIT_EXCEEDED" },
  "loop-in-to-string": { source: `export default () => new Response({ toString() { ${spin} } })`, code: "CPU_LIMIT_EXCEEDED" },
  "loop-in-then": { source: `export default () => ({ then() { ${spin} } })`, code: "CPU_LIMIT_EXCEEDED" },
  "loop-in-regex": {
    source: `export default () => new Response(String(/^(a+)+$/.test("a".repeat(60) + "!")))`,
    code: "CPU_LIMIT_EXCEEDED",
  },
  "loop-at-load": { source: `${spin}\nexport default () => new Response("")`, code: "CPU_LIMIT_EXCEEDED" },
  "loop-in-timer": {
    source: `export default async () => { await new Promise(() => setTimeout(() => { ${spin} }, 5)); }`,
    code: "CPU_LIMIT_EXCEEDED",
  },
  "bomb-arrays": {
    source: `export default () => { const a = []; for (;;) a.push(new Array(1000).fill({})); }`,
    code: "MEMORY_LIMIT_EXCEEDED",
    logged: /memory limit/,
  },
  "bomb-strings": {
    source: `export default () => { const a = []; for (let i = 0; ; i++) a.push(("x" + i).repeat(10_000).split("").join("-")); }`,
    code: "MEMORY_LIMIT_EXCEEDED",
  },
  "bomb-maps": {
    source: `export default () => { const m = new Map(); for (let i = 0; ; i++) m.set(i, { i }); }`,
    code: "MEMORY_LIMIT_EXCEEDED",
  },
  "bomb-typed-arrays": {
    source: `export default () => { const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1)); }`,
    code: "HANDLER_THREW|MEMORY_LIMIT_EXCEEDED",
  },
  "bomb-webassembly": {
    source: `export default () => { const a = []; for (;;) { const m = new WebAssembly.Memory({ initial: 1000 }); new Uint8Array(m.buffer).fill(1); a.push(m); } }`,
    code: "HANDLER_THREW",
  },
  recursion: { source: `export default function f() { return f() + 1; }`, code: "HANDLER_THREW", logged: /call stack/i },
  "never-settles": { source: `export default () => new Promise(() => {})`, code: "CALL_TIMEOUT", logged: /did not finish/ },
  "throws-null": { source: `export default () => { throw null; }`, code: "HANDLER_THREW" },
  "throws-proxy": {
    source: `export default () => { throw new Proxy(new Error("x"), { get() { throw new Error("trap"); }, getPrototypeOf() { throw 1; } }); }`,
    code: "HANDLER_THREW",
  },
  "throws-at-load": {
    source: `throw new Error("at load");\nexport default () => new Response("");`,
    code: "LOAD_FAILED",
    logged: /at load/,
  },
  "syntax-error": { source: "export default () => { return (", code: "LOAD_FAILED", logged: /syntax-error\.js:1/ },
  "no-export": { source: "const nothing = 1;", code: "LOAD_FAILED", logged: /handler/ },
  "same-response-twice": {
    source: `const r = new Response("once"); r.text(); export default () => r;`,
    code: "HANDLER_THREW",
    logged: /already been used/,
  },
  "status-out-of-range": { source: `export default () => new Response("", { status: 1000 })`, code: "HANDLER_THREW", logged: /status/ },
  "header-injection": {
    source: `export default () => new Response("", { headers: { "x-a": "b\\r\\nset-cookie: evil=1" } })`,
    code: "HANDLER_THREW",
    logged: /character/,
  },
  "returns-nothing": { source: `export default () => {}`, code: "HANDLER_THREW", logged: /returned undefined/ },
};

const HARMLESS: Readonly<Record<string, string>> = {
  "neighbour.js": `export default () => new Response("unharmed")`,
  "timers.js": `export default async () => {
    let fired = 0;
    await new Promise((resolve) => { for (let i = 0; i < 100_000; i++) setTimeout(() => { if (++fired === 100_000) resolve(); }, 1); });
    return new Response(String(fired));
  }`,
  "unhandled.js": `export default () => { Promise.reject(new Error("nobody listens")); return new Response("fine"); }`,
  "large.js": `export default () => new Response("x".repeat(100 * 1024 * 1024))`,
  "globals.js": `export default () => {
    const reach = (path) => { try { return typeof path(); } catch { return "undefined"; } };
    const found = {
      process: reach(() => process.binding), require: reach(() => globalThis.require), ivm: reach(() => globalThis.ivm),
      boot: reach(() => globalThis.__pilotlight_boot), load: reach(() => globalThis.__pilotlight_load), install: reach(() => globalThis.__pilotlight_install),
      shared: reach(() => SharedArrayBuffer), wasm: reach(() => WebAssembly),
      host: reach(() => (function () { return this; }).constructor("return process")()),
    };
    return Response.json({ found, own: Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith("__")) });
  }`,
  "pollute.js": `let spoilt = false;
    export default () => {
      if (!spoilt) {
        spoilt = true;
        Object.prototype.toJSON = () => "polluted"; Array.prototype.push = () => { throw new Error("push"); };
        Promise.prototype.then = () => { throw new Error("then"); }; Map.prototype.get = () => undefined;
        String.prototype.slice = () => "sliced"; JSON.stringify = () => "stringified"; Function.prototype.call = () => "called";
      }
      return new Response("ok");
    }`,
  "stack.js": `export default () => { try { new Headers([["bad name", "x"]]); } catch (error) { return new Response(error.stack); } }`,
};

describe("a hostile function", () => {
  let server: TestServer;
  before(async () => {
    const files = Object.fromEntries(Object.entries(ATTACKS).map(([id, { source }]) => [`${id}.js`, source]));
    // Bombs get the time to explode; everything else is stopped early.
    const bombs = Object.keys(ATTACKS).filter((id) => id.startsWith("bomb-"));
    // A hundred thousand timers take some 100 ms, and several times that beside others.
    const patient = [...bombs, "timers"];
    // On a busy machine it may take long until a loop has had its CPU time.
    const loops = Object.keys(ATTACKS).filter((id) => id.startsWith("loop-"));
    const functions = Object.fromEntries([
      ...patient.map((id) => [id, { cpuTimeout: "15s", timeout: "60s" }] as const),
      ...loops.map((id) => [id, { timeout: "60s" }] as const),
    ]);
    server = await startServer({ ...files, ...HARMLESS }, { memory: "48m", timeout: "4s", cpuTimeout: "400ms", functions });
  });
  after(() => server.stop());

  async function neighbourAnswers(): Promise<void> {
    const answer = await server.get("/neighbour", { signal: AbortSignal.timeout(30_000) });
    assert.equal(await answer.text(), "unharmed");
  }

  for (const [id, { code, logged }] of Object.entries(ATTACKS)) {
    test(`${id}: is told ${code.replaceAll("|", " or ")}, its neighbour is served meanwhile, and the log says why`, async () => {
      const attacked = server.get(`/${id}`);
      await neighbourAnswers();
      const answer = await attacked;
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      assert.match(error.code, new RegExp(`^(${code})$`));
      assert.equal(answer.status, error.code === "CALL_TIMEOUT" ? 504 : 500);
      const reason = await eventually(`${error.code} is in the log`, async () => {
        return (await server.logs(id)).find((record) => record["code"] === error.code) ?? null;
      });
      if (logged !== undefined) assert.match(`${reason["message"]}\n${reason["stack"] ?? ""}`, logged);
      await neighbourAnswers();
    });
  }

  test("may start 100,000 timers: they are its own memory and one timer of ours", async () => {
    assert.equal(await (await server.get("/timers")).text(), "100000");
    await neighbourAnswers();
  });

  test("may leave a rejection unhandled", async () => {
    assert.equal(await (await server.get("/unhandled")).text(), "fine");
  });

  test("sends 100 MB without holding up its neighbour, or is ended by its memory limit", async () => {
    const large = server
      .get("/large")
      .then(async (answer) => (answer.status === 200 ? (await answer.arrayBuffer()).byteLength : answer.status));
    await neighbourAnswers();
    // A transfer that breaks off is an honest end as well.
    assert.ok([100 * 1024 * 1024, 500].includes(await large.catch(() => 500)));
  });

  test("finds nothing of the host in its global scope", async () => {
    const { found, own } = (await (await server.get("/globals")).json()) as { found: Record<string, string>; own: string[] };
    for (const [name, type] of Object.entries(found)) assert.equal(type, "undefined", `${name} is within reach`);
    assert.deepEqual(
      own.filter((name) => name.startsWith("__pilotlight")),
      [],
    );
  });

  test("sees no host path in a stack", async () => {
    const stack = await (await server.get("/stack")).text();
    assert.doesNotMatch(stack, /file:|node_modules|\/src\//);
  });

  test("that spoils its built-ins harms itself alone", async () => {
    await server.get("/pollute");
    await server.get("/pollute").catch(() => {});
    await neighbourAnswers();
  });

  test("shows in the metrics what was done about it", async () => {
    assert.ok((await server.metric("pilotlight_cpu_timeouts_total", 'function="loop-sync"')) >= 1);
    assert.ok((await server.metric("pilotlight_out_of_memory_total", 'function="bomb-maps"')) >= 1);
    assert.ok((await server.metric("pilotlight_timeouts_total", 'function="never-settles"')) >= 1);
  });
});

describe("a hostile function in the loop lane", () => {
  const source = `export default async (request) => {
    const { searchParams } = new URL(request.url);
    if (searchParams.has("spin")) for (;;);
    if (searchParams.has("wait")) await new Promise((resolve) => setTimeout(resolve, 3_000));
    return new Response("quick");
  }`;

  async function promoted(options: Parameters<typeof startServer>[1]): Promise<TestServer> {
    const server = await startServer({ "late.js": source, "neighbour.js": HARMLESS["neighbour.js"] as string }, options);
    for (let call = 0; call < 200; call++) await (await server.get("/late")).text();
    assert.equal(await server.metric("pilotlight_function_lane", 'function="late"', 'lane="loop"'), 1);
    return server;
  }

  test("is ended by the watchdog with the reason; its waiting call is told to try again; it loses the lane", async () => {
    const server = await promoted({});
    try {
      const waiting = server.get("/late?wait");
      await new Promise((resolve) => setTimeout(resolve, 100));
      const spun = await server.get("/late?spin");
      assert.equal(spun.status, 500);
      assert.equal(((await spun.json()) as { error: { code: string } }).error.code, "CPU_LIMIT_EXCEEDED");
      const lost = await waiting;
      assert.equal(lost.status, 503);
      assert.equal(lost.headers.get("retry-after"), "1");
      for (let call = 0; call < 60; call++) assert.equal(await (await server.get("/late")).text(), "quick");
      assert.equal(await server.metric("pilotlight_function_lane", 'function="late"', 'lane="thread"'), 1);
      assert.equal(await (await server.get("/neighbour")).text(), "unharmed");
    } finally {
      await server.stop();
    }
  });

  test("is held to its own CPU limit where that is lower", async () => {
    const server = await promoted({ cpuTimeout: "60ms" });
    try {
      await server.get("/late?spin");
      const record = await eventually("it is in the log", async () => {
        return (await server.logs("late")).find(({ code }) => code === "CPU_LIMIT_EXCEEDED") ?? null;
      });
      assert.match(String(record["message"]), /more than 60 ms/);
    } finally {
      await server.stop();
    }
  });
});

describe("a function that never lets go", () => {
  test("is not kept alive by a promise given to waitUntil, in fresh state for every call", async () => {
    const server = await startServer(
      { "hold.js": "export default (request, env, ctx) => { ctx.waitUntil(new Promise(() => {})); return new Response('held'); }" },
      { timeout: "200ms", functions: { hold: { isolation: "bounded(1)" } } },
    );
    try {
      for (let call = 0; call < 20; call++) assert.equal(await (await server.get("/hold")).text(), "held");
      await eventually("each is in the log", async () => {
        return (await server.logs()).filter(({ message }) => String(message).includes("waitUntil")).length >= 20;
      });
    } finally {
      await server.stop();
    }
  });

  test("is told at once when the reader of its event stream leaves, and may stream past its time-out", async () => {
    const source = `export default () => {
      let timer, count = 0;
      return new Response(new ReadableStream({
        start(controller) { timer = setInterval(() => controller.enqueue("data: " + ++count + "\\n\\n"), 50); },
        cancel() { clearInterval(timer); console.log("cancelled"); },
      }), { headers: { "content-type": "text/event-stream" } });
    }`;
    const server = await startServer({ "events.js": source }, { timeout: "300ms" });
    try {
      const leave = new AbortController();
      const answer = await server.get("/events", { signal: leave.signal });
      const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
      let text = "";
      while (!text.includes("data: 10")) text += new TextDecoder().decode((await reader.read()).value);
      leave.abort();
      await eventually("it has been told", async () => (await server.logs("events")).some(({ message }) => message === "cancelled"));
    } finally {
      await server.stop();
    }
  });
});

describe("a function that takes its worker down", () => {
  test("answers or falls, and everybody else is served on", async () => {
    const server = await startServer(
      {
        "killer.js": "export default () => { const a = new Array(1e9).fill(0); return new Response(String(a.length)); }",
        "neighbour.js": HARMLESS["neighbour.js"] as string,
      },
      { memory: "64m", timeout: "20s", cpuTimeout: "10s" },
    );
    try {
      for (let attempt = 0; attempt < 2; attempt++) {
        // V8 stops it (500, or 504 on a busy machine, where its time is up before its CPU time is), or its worker is lost with it
        // (no answer) and it goes to another or to quarantine (503).
        const status = await statusOf(server, "/killer");
        assert.ok([0, 500, 503, 504].includes(status), `it was answered ${status}`);
        await eventually("the neighbour is served", async () => (await statusOf(server, "/neighbour")) === 200, 30_000);
      }
    } finally {
      await server.stop();
    }
  });

  test("is put in a worker of its own, then switched off, and everybody else is served", async () => {
    const files = {
      // Long enough to be caught in the act, and within its limit.
      "killer.js": "export default () => { const end = Date.now() + 5_000; while (Date.now() < end); return new Response(''); }",
      "neighbour.js": HARMLESS["neighbour.js"] as string,
    };
    const server = await startServer(files, { timeout: "20s", cpuTimeout: "10s" });
    try {
      assert.equal(await statusOf(server, "/neighbour"), 200);
      for (const dedicated of [false, true]) {
        const call = statusOf(server, "/killer");
        const pid = await eventually("its worker is there", () => server.workerOf("killer", dedicated));
        await eventually("the call runs", () => runningIn(server).includes("killer"));
        process.kill(pid, "SIGKILL");
        assert.ok([0, 502].includes(await call));
        await eventually("the neighbour is served", async () => (await statusOf(server, "/neighbour")) === 200, 30_000);
      }
      const last = await server.get("/killer");
      assert.equal(last.status, 503);
      assert.equal(last.headers.get("retry-after"), "60");
      assert.equal(((await last.json()) as { error: { code: string } }).error.code, "FUNCTION_QUARANTINED");
      const told = (await server.logs()).filter((record) => record["function"] === "killer").map(({ message }) => String(message));
      const stages = told.map((message) => message.split(":", 1)[0]).filter((word) => word === "probation" || word === "quarantine");
      assert.deepEqual(stages, ["probation", "quarantine"]);
    } finally {
      await server.stop();
    }
  });
});

/** Functions that have a turn now, as the flight records of the workers say. */
function runningIn({ folder }: TestServer): string[] {
  const records = join(folder, ".pilotlight", "flight");
  return readdirSync(records).flatMap((name) => readFlightRecord(join(records, name)));
}

/** 0 when the connection was lost without an answer. */
function statusOf(server: TestServer, path: string): Promise<number> {
  return server.get(path, { signal: AbortSignal.timeout(30_000) }).then(
    (answer) => answer.status,
    () => 0,
  );
}
