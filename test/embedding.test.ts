/** Pilotlight inside another program: what src/index.ts promises. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { createServer, defineConfig, PilotlightError, type Server } from "../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-embedding-"));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "hello.ts"), "export default () => new Response('hello');");

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop({ force: true });
});

let log = "";
const base = defineConfig({ path: folder, port: 0, workers: 1, admin: false, dataDir: join(folder, ".pilotlight") });

function create(options: Parameters<typeof createServer>[0] = {}): Server {
  log = "";
  const onLog = (lines: string): void => {
    log += lines;
  };
  const server = createServer({ ...base, ...options }, { onLog });
  servers.push(server);
  return server;
}

test("zigttp's four ServerConfig fields start a server that answers, measures its pool, and stops, twice if asked", async () => {
  const server = create({
    pool_wait_timeout_ms: 5,
    pool_metrics_every: 2,
    static_cache_max_bytes: 2 * 1024 * 1024,
    static_cache_max_file_size: 128 * 1024,
  });
  const { url, port, adminUrl } = await server.start();
  assert.deepEqual([new URL(url).port, adminUrl], [String(port), null]);
  for (let call = 0; call < 2; call++) assert.equal(await (await fetch(`${url}/hello`)).text(), "hello");
  assert.equal((await server.stats()).functions[0]?.requests, 2);
  await server.stop();
  assert.match(log, /Pool metrics: in_use=\d+\/\d+ exhausted=0 avg_wait_us=\d+ max_wait_us=\d+ avg_exec_us=\d+ max_exec_us=\d+/);
  await assert.rejects(fetch(`${url}/hello`));
  await server.stop();
});

test("a server that was stopped starts again", async () => {
  const server = create();
  await server.start();
  await server.stop();
  const { url } = await server.start();
  assert.equal(await (await fetch(`${url}/hello`)).text(), "hello");
});

test("a taken port is a typed error, and the server that has it serves on", async () => {
  const { url, port } = await create().start();
  const second = create({ port });
  await assert.rejects(second.start(), (error) => {
    assert.ok(error instanceof PilotlightError);
    assert.equal(error.code, "PORT_IN_USE");
    assert.match(error.message, new RegExp(`${port}`));
    assert.ok(error.hint);
    return true;
  });
  assert.equal(await (await fetch(`${url}/hello`)).text(), "hello");
});

test("a wrong option is a typed error that names every problem", async () => {
  const options = { port: -1, pool_wait_timeout_ms: "soon" as unknown as number, memroy: "1m" };
  await assert.rejects(create(options).start(), (error) => {
    assert.ok(error instanceof PilotlightError);
    assert.deepEqual(error.failures.map(({ code }) => code).sort(), ["CONFIG_BAD_VALUE", "CONFIG_BAD_VALUE", "CONFIG_UNKNOWN_KEY"]);
    return true;
  });
});

test("a server that does not run says so, and stopping it is no error", async () => {
  const server = create();
  await assert.rejects(server.reload(), { code: "NOT_STARTED" });
  await server.stop();
  await server.start();
  await assert.rejects(server.start(), { code: "ALREADY_STARTED" });
});
