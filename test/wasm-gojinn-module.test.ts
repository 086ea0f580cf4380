/** The host module `gojinn`, every function of it from a real guest: its results, its locks between requests, and the example of docs/wasm.md. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "./support/fake-fleet.ts";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import type { TestServer } from "./support/server.ts";
import { startWasmServer } from "./support/wasm-server.ts";

const [host, visits] = await Promise.all([guest("c", "gojinn-host"), guest("c", "visits")]);

describe("the host module gojinn", { skip: skipReason(host) }, () => {
  /** Answers at once, but for what asks for /held: that waits here. */
  const held: ServerResponse[] = [];
  const upstream = createServer((request, answer) => {
    if (request.url !== "/held") answer.end("hello");
    else {
      held.push(answer);
      upstream.emit("held");
    }
  });
  let origin = "";
  let server: TestServer;
  before(async () => {
    upstream.listen(0, "127.0.0.1");
    await once(upstream, "listening");
    origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
    const allow = { kv: ["main"], sql: ["main"], blob: ["main"], queue: ["jobs"], lock: ["main"], fetch: [origin] };
    server = await startWasmServer(
      { host: fileOf(host), visits: fileOf(visits) },
      { functions: { host: { contract: "command", allow }, visits: { allow: { kv: ["visits"], lock: ["visits"] } } } },
    );
  });
  after(async () => {
    await server.stop();
    upstream.close();
  });

  const lines = async (body: string): Promise<string[]> =>
    (await (await server.get("/host", { method: "POST", body })).text()).trimEnd().split("\n");

  test("answers a guest that calls all of it as docs/wasm.md says", async () => {
    assert.deepEqual(await lines(`all ${origin}/`), [
      "host_kv_get absent ffffffff",
      "host_kv_get 7 a value",
      "host_kv_get cut 3 a v",
      'host_db_query 12 [{"sum":42}]',
      "host_s3_put 0",
      "host_s3_get 7 content",
      "host_enqueue 0",
      "host_mutex_unlock not held 0",
      "host_mutex_lock 1",
      "host_mutex_lock held 0",
      "host_mutex_unlock 1",
      "host_mutex_lock free 1",
      "host_mutex_unlock free 1",
      "host_http_get 5 hello",
      'host_ask_ai 27 {"error": "not configured"}',
      "host_ws 0 0",
    ]);
    const logged = (await server.logs("host")).map(({ level, message }) => `${level} ${message}`);
    for (const line of ["info a line", "error an error"]) assert.ok(logged.includes(line), logged.join("\n"));
  });

  test("gives the lock of one request to no other until it is unlocked", async () => {
    const asked = once(upstream, "held");
    const holder = lines(`lock shared 60 ${origin}/held`);
    await Promise.race([asked, holder]);
    assert.deepEqual(await lines("lock shared 60"), ["held"]);
    held.pop()!.end();
    assert.deepEqual(await holder, ["taken", "given back"]);
    assert.deepEqual(await lines("lock shared 60"), ["taken"]);
  });

  test("gives a lock that its holder left when its time is over", async () => {
    assert.deepEqual(await lines("lock left-for-long 0"), ["taken"]);
    assert.deepEqual(await lines("lock left 1"), ["taken"]);
    await eventually("the lock is free again", async () => ((await lines("lock left 1"))[0] === "taken" ? true : null));
    assert.deepEqual(await lines("lock left-for-long 0"), ["held"]);
  });

  test("counts visits by the program of docs/wasm.md, word for word", async () => {
    const source = readFileSync(join(import.meta.dirname, "guests/c/visits.c"), "utf8");
    const docs = readFileSync(join(import.meta.dirname, "../docs/wasm.md"), "utf8");
    assert.ok(docs.includes(`\`\`\`c\n// visits.c\n${source}\`\`\``), "docs/wasm.md has another visits.c than test/guests/c");
    for (const expected of ["visit 1\n", "visit 2\n"]) {
      const answer = await server.get("/visits");
      assert.deepEqual([answer.status, await answer.text()], [200, expected]);
    }
  });
});
