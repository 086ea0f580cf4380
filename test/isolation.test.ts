/**
 * Isolation modes: when state is fresh and who still has the old one, under
 * concurrency and under a memory budget; and what a client can do to a
 * function whose answer never ends.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startServer, type TestServer } from "./support/server.ts";

const COUNTING = `let count = 0;
export default async (request) => { count++; await new Promise((resolve) => setTimeout(resolve, 2)); return new Response(String(count)); };`;

describe("isolation", () => {
  let server: TestServer;
  before(async () => {
    const files = {
      "one.js": COUNTING,
      "three.js": COUNTING,
      "fresh.js": COUNTING,
      "brief.js": COUNTING,
      "endless.js": "export default () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(16384)); } }));",
      "headers.js": `export default () => { Response.prototype.headerLines = () => "a: b\\r\\n".repeat(1e6); return new Response("x"); };`,
      "neighbour.js": `export default () => new Response("unharmed");`,
    };
    const functions = {
      one: { isolation: "bounded(1)" },
      three: { isolation: "bounded(3)" },
      fresh: { isolation: "request" },
      brief: { isolation: "ttl(5ms)" },
    };
    server = await startServer(files, { functions, pool: 32, poolWaitTimeoutMs: 5_000, timeout: "10s" });
  });
  after(() => server.stop());

  async function together(path: string, callCount: number): Promise<number[]> {
    const answers = await Promise.all(Array.from({ length: callCount }, () => server.get(path)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    return (await Promise.all(answers.map((answer) => answer.text()))).map(Number);
  }

  test("bounded(1) and request: every call of many at once has fresh state, and none fails", async () => {
    for (let round = 0; round < 3; round++) {
      assert.deepEqual([...new Set(await together("/one", 12))], [1]);
      assert.deepEqual([...new Set(await together("/fresh", 12))], [1]);
    }
  });

  test("bounded(3): no sandbox answers more than three calls", async () => {
    assert.ok(Math.max(...(await together("/three", 24))) <= 3);
  });

  test("ttl: sandboxes are replaced under load without a failed call", async () => {
    for (let round = 0; round < 10; round++) await together("/brief", 6);
    assert.ok((await server.metric("pilotlight_cold_starts_total", 'function="brief"')) >= 2);
  });

  test("HEAD on an endless stream is answered, and the function serves on", async () => {
    assert.equal((await server.get("/endless", { method: "HEAD" })).status, 200);
    assert.equal((await server.get("/endless", { method: "HEAD" })).status, 200);
    assert.equal(await (await server.get("/neighbour")).text(), "unharmed");
  });

  test("a client that hangs up on an endless stream does not take the function with it", async () => {
    for (let attempt = 0; attempt < 3; attempt++) {
      const leave = new AbortController();
      const answer = await server.get("/endless", { signal: leave.signal });
      await (answer.body as ReadableStream<Uint8Array>).getReader().read();
      leave.abort();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await server.get("/endless", { method: "HEAD" })).status, 200);
  });

  test("megabytes of header lines end in a 500, in both lanes", async () => {
    for (let call = 0; call < 40; call++) assert.equal((await server.get("/headers")).status, 500);
    assert.equal(await (await server.get("/neighbour")).text(), "unharmed");
  });
});

/** Tells which sandbox answered and the number of this call in it; `?ms=` makes it wait. */
const BORN = `const born = crypto.randomUUID();
let count = 0;
export default async (request) => {
  const number = ++count;
  const ms = Number(new URL(request.url).searchParams.get("ms"));
  if (ms > 0) { console.log("waiting"); await new Promise((resolve) => setTimeout(resolve, ms)); }
  return Response.json({ born, number });
};`;

interface Born {
  readonly born: string;
  readonly number: number;
}

async function askBorn(server: TestServer, path: string): Promise<Born> {
  const answer = await server.get(path);
  assert.equal(answer.status, 200);
  return (await answer.json()) as Born;
}

/** The call that waits has entered its sandbox. */
async function waiting(server: TestServer, functionId: string): Promise<void> {
  for (let attempt = 0; attempt < 30; attempt++) {
    if ((await server.logs(functionId)).some(({ message }) => message === "waiting")) return;
  }
  assert.fail(`no call of ${functionId} began to wait`);
}

describe("fresh state", () => {
  let server: TestServer;
  const TTL_MS = 1_500;
  before(async () => {
    const functions = {
      three: { isolation: "bounded(3)" },
      two: { isolation: "bounded(2)" },
      brief: { isolation: `ttl(${TTL_MS}ms)` },
      fresh: { isolation: "request" },
    };
    const names = [...Object.keys(functions), "shared"];
    server = await startServer(Object.fromEntries(names.map((name) => [`${name}.js`, BORN])), { functions, timeout: "20s" });
  });
  after(() => server.stop());

  test("comes with every call for request, with every third for bounded(3), never for shared", async () => {
    const numbers = async (path: string): Promise<number[]> => {
      const answers: Born[] = [];
      for (let call = 0; call < 7; call++) answers.push(await askBorn(server, path));
      for (const [at, { born, number }] of answers.entries()) {
        if (at > 0) assert.equal(born === answers[at - 1]?.born, number > 1);
      }
      return answers.map(({ number }) => number);
    };
    assert.deepEqual(await numbers("/fresh"), [1, 1, 1, 1, 1, 1, 1]);
    assert.deepEqual(await numbers("/three"), [1, 2, 3, 1, 2, 3, 1]);
    assert.deepEqual(await numbers("/shared"), [1, 2, 3, 4, 5, 6, 7]);
  });

  test("bounded: the call in flight finishes in the old state, the next one begins anew", async () => {
    const slow = askBorn(server, "/two?ms=1500");
    await waiting(server, "two");
    const second = await askBorn(server, "/two");
    const third = await askBorn(server, "/two");
    const first = await slow;
    assert.deepEqual([first.number, second.number, third.number], [1, 2, 1]);
    assert.equal(first.born, second.born);
    assert.notEqual(third.born, first.born);
  });

  test("ttl: within its time the state is kept, after it a call in flight keeps it alone", async () => {
    const first = await askBorn(server, "/brief");
    const second = await askBorn(server, "/brief");
    assert.deepEqual([second.born, second.number], [first.born, 2]);
    const slow = askBorn(server, `/brief?ms=${TTL_MS * 2}`);
    await waiting(server, "brief");
    await new Promise((resolve) => setTimeout(resolve, TTL_MS));
    const next = await askBorn(server, "/brief");
    assert.equal(next.number, 1);
    assert.notEqual(next.born, first.born);
    assert.deepEqual(await slow, { born: first.born, number: 3 });
  });
});

describe("a memory budget", () => {
  test("closes idle sandboxes, and never one that serves a call", async () => {
    const names = ["idle", "busy"];
    const server = await startServer(Object.fromEntries(names.map((name) => [`${name}.js`, BORN])), {
      sandboxMemoryBudget: "1k",
      timeout: "20s",
    });
    try {
      const evictions = (name: string): Promise<number> => server.metric("pilotlight_evictions_total", `function="${name}"`);
      const busy = askBorn(server, "/busy?ms=3000");
      await waiting(server, "busy");
      const before = await askBorn(server, "/idle");
      for (let wait = 0; wait < 40 && (await evictions("idle")) === 0; wait++) await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(await evictions("idle"), 1);
      assert.equal(await evictions("busy"), 0);
      const after = await askBorn(server, "/idle");
      assert.equal(after.number, 1);
      assert.notEqual(after.born, before.born);
      assert.equal((await busy).number, 1);
    } finally {
      await server.stop();
    }
  });
});
