/** Functions that misuse what they may keep, beside a function that must not notice. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { startServer, type TestServer } from "./support/server.ts";

const ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";

let server: TestServer;
before(async () => {
  server = await startServer(
    {
      "endless.js": `export default async (request, env) => new Response(await env.SQL.query(${JSON.stringify(ENDLESS)}).catch((e) => e.code));`,
      "flood.js": `export default async (request, env) => {
        const puts = Array.from({ length: 3_000 }, (_, n) => env.KV.put("k" + n, "v").then(() => "ok", (e) => e.name));
        const results = await Promise.all(puts);
        let kept = 0;
        for (let cursor; ; ) {
          const page = await env.KV.list({ cursor });
          kept += page.keys.length;
          if (page.list_complete) break;
          cursor = page.cursor;
        }
        const refused = new Set(results.filter((one) => one !== "ok" && one !== "QuotaExceededError"));
        return Response.json({ ok: results.filter((one) => one === "ok").length, kept, others: [...refused] });
      }`,
      "broken.js": `export default async (request, env) => new Response(await env.KV.put("k", "v").catch((e) => e.code + " " + e.message));`,
      "neighbour.js": `export default async (request, env) => { await env.KV.put("n", "1"); return new Response(await env.KV.get("n")); };`,
    },
    {
      functions: {
        endless: { allow: { sql: ["own"] }, timeout: "20s" },
        flood: { allow: { kv: ["flood"] } },
        broken: { allow: { kv: ["broken"] } },
        neighbour: { allow: { kv: ["neighbour"] } },
      },
    },
  );
});
after(() => server.stop());

/** Asks as any client of kept-alive connections has to: one that is closed as it is used is tried again on another. */
async function neighbour(): Promise<string> {
  const answer = await server.get("/neighbour").catch(() => server.get("/neighbour"));
  return answer.text();
}

test("a damaged file is told to the log with its path, and to the function without", async () => {
  const file = join(server.folder, ".pilotlight", "store", "kv", "broken.sqlite");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "no database, but long enough to have the header of one".repeat(100));
  const told = await (await server.get("/broken")).text();
  assert.match(told, /^STORAGE_FAILED .*the server's log says why/);
  assert.ok(!told.includes(server.folder));
  const lines = await server.logs("broken");
  assert.ok(lines.some(({ message }) => String(message).includes(file) && String(message).includes("put a copy back")));
  assert.equal(await neighbour(), "1");
});

test("of thousands of writes at once each is done, or refused by name", async () => {
  const answer = (await (await server.get("/flood")).json()) as { ok: number; kept: number; others: string[] };
  assert.ok(answer.ok >= 1_000);
  assert.deepEqual([answer.kept, answer.others], [answer.ok, []]);
  assert.equal(await neighbour(), "1");
});

test("a statement that never ends is answered, and its worker replaced without its neighbours noticing", async () => {
  const before = await server.workerOf("neighbour", false);
  const endless = server.get("/endless");
  let isAnswered = false;
  void endless.then(() => {
    isAnswered = true;
  });
  while (!isAnswered) assert.equal(await neighbour(), "1");
  assert.equal(await (await endless).text(), "SQL_TIMEOUT");
  while ((await server.workerOf("neighbour", false)) === before) assert.equal(await neighbour(), "1");
  assert.equal(await neighbour(), "1");
});
