/** env.KV, env.SQL, env.BLOB, env.QUEUE and env.LOCK of JavaScript functions, through a server and its worker processes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openStore } from "../src/store/store.ts";
import { startServer, type TestServer } from "./support/server.ts";

/** Runs the program of its body with `env` in scope; an error becomes its code or name. */
const RUN = `export default { async fetch(request, env) {
  const program = new Function("env", "return (async () => {" + (await request.text()) + "})()");
  try { return Response.json({ value: (await program(env)) ?? null }); }
  catch (error) { return Response.json({ code: error.code ?? error.name, message: error.message }); }
} }`;
const ALLOW = { kv: ["orders", "sessions"], sql: ["main"], blob: ["uploads"], queue: ["mail"], lock: ["jobs"] };
/** A function runs in the loop lane after so many quick calls. */
const CALLS_TO_PROMOTION = 25;

let server: TestServer;
before(async () => {
  server = await startServer(
    { "all.js": RUN, "none.js": RUN, "fresh.js": RUN, "named.js": RUN, "plain.js": `export default (request, env) => Response.json(env);` },
    {
      workers: 2,
      functions: {
        all: { allow: ALLOW },
        fresh: { allow: ALLOW, isolation: "request" },
        named: { env: { KV: "a text" }, allow: ALLOW },
        plain: { env: { A: "1" } },
      },
    },
  );
});
after(() => server.stop());

interface Told {
  readonly value?: unknown;
  readonly code?: string;
  readonly message?: string;
}

async function run(program: string, path = "/all"): Promise<Told> {
  return (await (await server.get(path, { method: "POST", body: program })).json()) as Told;
}

async function value(program: string, path = "/all"): Promise<unknown> {
  const told = await run(program, path);
  assert.equal(told.message, undefined);
  return told.value;
}

for (const lane of ["thread", "loop"]) {
  test(`a function in the ${lane} lane keeps, lists, queries and locks`, async () => {
    if (lane === "loop") for (let call = 0; call < CALLS_TO_PROMOTION * 2; call++) await value("return 1");
    assert.deepEqual(
      await value(`
        await env.KV.put("a/1", "é😀\\0"); await env.KV.put("a/2", JSON.stringify({ n: 1 })); await env.KV.put("b", new Uint8Array([0, 255]));
        const keys = await env.KV.list({ prefix: "a/", limit: 1 });
        const rest = await env.KV.list({ prefix: "a/", cursor: keys.cursor });
        return [await env.KV.get("a/1"), await env.KV.get("a/2", "json"), [...await env.KV.get("b", "bytes")], keys.keys, keys.list_complete, rest.keys,
          rest.list_complete, await env.KV.delete("b"), await env.KV.get("b"), await env.KV.delete("b")];`),
      ["é😀\0", { n: 1 }, [0, 255], [{ name: "a/1" }], false, [{ name: "a/2" }], true, true, null, false],
    );
    assert.deepEqual(
      await value(`
        await env.SQL.exec("DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, raw BLOB)");
        const added = await env.SQL.run("INSERT INTO t (name, raw) VALUES (?, ?)", ["O'Brien", new Uint8Array([1, 2])]);
        const [, counted] = await env.SQL.batch([{ sql: "INSERT INTO t (name) VALUES (:n)", params: { n: "x" } }, "SELECT count(*) AS n FROM t"]);
        const failed = await env.SQL.batch(["INSERT INTO t (name) VALUES ('lost')", "INSERT INTO nowhere VALUES (1)"]).catch((e) => e.code);
        const row = await env.SQL.get("SELECT * FROM t WHERE name = ?", ["O'Brien"]);
        return [added, counted, failed, { ...row, raw: [...row.raw] }, (await env.SQL.query("SELECT id FROM t")).length, await env.SQL.get("SELECT 1 WHERE 0")];`),
      [
        { changes: 1, lastInsertRowid: 1 },
        { rows: [{ n: 2 }], changes: 0, lastInsertRowid: 2 },
        "SQL_FAILED",
        { id: 1, name: "O'Brien", raw: [1, 2] },
        2,
        null,
      ],
    );
    assert.deepEqual(
      await value(`
        const put = await env.BLOB.put("img/a.png", new Uint8Array([1, 2, 3]), { contentType: "image/png" });
        await env.BLOB.put("img/a.png", "second"); await env.BLOB.put("z", "");
        const got = await env.BLOB.get("img/a.png");
        return [put.size, put.contentType, got.text(), got.sha256.length, (await env.BLOB.list({ prefix: "img/" })).blobs.map((b) => b.key),
          (await env.BLOB.head("z")).size, await env.BLOB.delete("z"), await env.BLOB.get("z")];`),
      [3, "image/png", "second", 64, ["img/a.png"], 0, true, null],
    );
    assert.deepEqual(
      await value(`
        const lease = await env.LOCK.acquire("row", { ttlMs: 60_000 });
        const second = await env.LOCK.acquire("row");
        const renewed = await lease.renew(); const released = await lease.release();
        const next = await env.LOCK.acquire("row"); const later = next.token > lease.token; await next.release();
        return [second, renewed, released, later, await lease.release(), await lease.renew()];`),
      [null, true, true, true, false, false],
    );
  });
}

test("a call with fresh state finds what an earlier one kept", async () => {
  await value(`await env.KV.put("fresh", "kept")`, "/fresh");
  assert.equal(await value(`return env.KV.get("fresh")`, "/fresh"), "kept");
});

test("names of allow are apart; the first is the one meant without a name", async () => {
  await value(`await env.KV.put("k", "first"); await env.KV("sessions").put("k", "second")`);
  assert.deepEqual(await value(`return [await env.KV("orders").get("k"), await env.KV("sessions").get("k")]`), ["first", "second"]);
});

test("a message is a durable job of its topic, once for an idempotency key", async () => {
  const ids = (await value(`
    const once = [1, 2].map(() => env.QUEUE.send({ to: "a@b" }, { idempotencyKey: "one" }));
    return (await Promise.all([...once, env.QUEUE("mail").send("text", { delaySeconds: 60 })])).map(({ id }) => id);`)) as string[];
  assert.equal(ids[0], ids[1]);
  const store = openStore({ dataDir: join(server.folder, ".pilotlight"), onStuck: () => assert.fail("stuck") });
  try {
    const leased = await store.jobs.lease(["topic/mail"], 10, 1_000);
    assert.ok(leased.ok);
    assert.deepEqual(
      leased.value.map(({ id, payload, meta }) => [id, Buffer.from(payload).toString(), meta]),
      [[ids[0], '{"to":"a@b"}', '{"from":"all"}']],
    );
  } finally {
    await store.close();
  }
});

test("nothing may be kept, sent or locked until allow names it, and the error says what to write", async () => {
  for (const [program, capability] of [
    [`env.KV.get("k")`, "kv"],
    [`env.SQL.query("SELECT 1")`, "sql"],
    [`env.BLOB.put("k", "")`, "blob"],
    [`env.QUEUE.send("x")`, "queue"],
    [`env.LOCK.acquire("k")`, "lock"],
  ] as const) {
    const told = await run(`return ${program}`, "/none");
    assert.equal(told.code, "DENIED", program);
    assert.match(told.message ?? "", new RegExp(`add "allow: \\{ ${capability}: \\[NAME\\] \\}" to it in pilotlight.yaml`));
  }
  for (const name of ["../orders", "orders/../../x", "ORDERS", "orders\0", "__proto__", "constructor"]) {
    assert.equal((await run(`return env.KV(${JSON.stringify(name)}).get("k")`)).code, "DENIED", name);
  }
});

test("limits are told by their code", async () => {
  for (const [program, code] of [
    [`env.KV.put("k".repeat(513), "")`, "TOO_LARGE"],
    [`env.KV.put("", "")`, "INVALID_ARGUMENT"],
    [`env.KV.put("\\ud800", "")`, "INVALID_ARGUMENT"],
    [`env.KV.put("k", new Uint8Array(2 * 1024 * 1024 + 1))`, "TOO_LARGE"],
    [`env.KV.put("k", 5)`, "TypeError"],
    [`env.KV.put("k", "", { expirationTtl: -1 })`, "INVALID_ARGUMENT"],
    [`env.KV.get(5)`, "TypeError"],
    [`env.KV.list({ limit: 1001 })`, "INVALID_ARGUMENT"],
    [`env.KV.list({ cursor: "???" })`, "INVALID_ARGUMENT"],
    [`env.SQL.query("SELECT 1; DROP TABLE t")`, "SQL_FAILED"],
    [`env.SQL.query("ATTACH 'x' AS y")`, "SQL_FAILED"],
    [`env.SQL.query("SELECT 1\\0")`, "INVALID_ARGUMENT"],
    [`env.SQL.query("SELECT ?", [{}])`, "INVALID_ARGUMENT"],
    [`env.SQL.query("SELECT ?", [2n ** 63n])`, "INVALID_ARGUMENT"],
    [`env.SQL.query("SELECT zeroblob(100000000)")`, "TOO_LARGE"],
    [`env.SQL.query("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c")`, "TOO_LARGE"],
    [`env.SQL.batch(7)`, "TypeError"],
    [`env.QUEUE.send("x", { delaySeconds: 1e9 })`, "INVALID_ARGUMENT"],
    [`env.LOCK.acquire("k", { ttlMs: 1e12 })`, "INVALID_ARGUMENT"],
    [`env.LOCK.acquire("k", { waitMs: "1" })`, "INVALID_ARGUMENT"],
  ] as const) {
    assert.equal((await run(`return ${program}`)).code, code, program);
  }
});

test("an env holds its texts alone to see, and a text hides a capability of its name", async () => {
  assert.deepEqual(await (await server.get("/plain")).json(), { A: "1" });
  assert.equal(await value("return env.KV", "/named"), "a text");
  assert.equal(await value(`try { env.KV.get = 1 } catch {} return typeof env.KV.get + typeof env.KV("orders").put`), "functionfunction");
});

test("workers wait for each other's lock", async () => {
  const add = `const lease = await env.LOCK.acquire("sum", { ttlMs: 10_000, waitMs: 60_000 });
    const sum = Number(await env.KV.get("sum") ?? 0); await new Promise((r) => setTimeout(r, 5));
    await env.KV.put("sum", String(sum + 1)); await lease.release();`;
  await Promise.all(Array.from({ length: 20 }, () => value(add)));
  assert.equal(await value(`return env.KV.get("sum")`), "20");
});
