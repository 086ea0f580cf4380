/**
 * The life of a WebAssembly function in a server: which contract it is taken to
 * keep, settings of its own, a new version, the death of its worker, a build
 * that is served without its sources, invoke and tests from the command line.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pilotlight } from "./support/cli.ts";
import { eventually } from "./support/fake-fleet.ts";
import { fileOf, guest, type Language, skipReason } from "./support/guests.ts";
import { startServer } from "./support/server.ts";
import { startWasmServer, writeModules } from "./support/wasm-server.ts";

const LANGUAGES = ["c", "rust", "go", "assemblyscript"] as const satisfies Language[];
const CONTRACTS = ["order", "echo", "cgi", "command"];
const [order, command, cgi, growBomb] = await Promise.all(["order", "command", "cgi", "attacks/grow-bomb"].map((name) => guest("c", name)));
const ORDER = { method: "POST", body: '{"id":"1","value":100}' };
const PRICED = { order_id: "1", total_final: 115, engine: "c" };
const CLIENTS = 4;

const workDir = mkdtempSync(join(tmpdir(), "pilotlight-wasm-life-"));
after(() => rmSync(workDir, { recursive: true, force: true }));

const guests = await Promise.all(
  LANGUAGES.flatMap((language) =>
    CONTRACTS.map(async (name) => [`${language}/${name === "cgi" ? "cgi/[...path]" : name}`, await guest(language, name)] as const),
  ),
);

test("which contract a module keeps is told from the module, in whatever language it was written", {
  skip: skipReason(order!),
}, async () => {
  const present = guests.flatMap(([id, module]) => ("file" in module ? [[id, module.file] as const] : []));
  const server = await startWasmServer(Object.fromEntries(present));
  try {
    for (const language of LANGUAGES.filter((language) => present.some(([id]) => id.startsWith(`${language}/`)))) {
      assert.deepEqual(await (await server.get(`/${language}/order`, ORDER)).json(), { ...PRICED, engine: language });
      assert.equal((await server.get(`/${language}/echo?a`, ORDER)).headers.get("x-target"), `/${language}/echo?a`);
      assert.equal(await (await server.get(`/${language}/command`, { method: "POST", body: "loud" })).text(), "LOUD", language);
      assert.match(await (await server.get(`/${language}/cgi/x?a=b`)).text(), /^QUERY_STRING=a=b$/m, language);
    }
  } finally {
    await server.stop();
  }
});

describe("a WebAssembly function", { skip: skipReason(order!) }, () => {
  test("can be served twice from one module, with settings of its own each", async () => {
    const source = fileOf(growBomb!);
    const pages = (megabytes: number): string => `pages ${megabytes * 16}\n`;
    const server = await startServer(
      {},
      {
        functions: {
          small: { source, memory: "4m", contract: "command" },
          large: { source, memory: "32m", contract: "command" },
          quoted: { source: fileOf(cgi!), env: { MARK: "one" }, contract: "command" },
          told: { source: fileOf(cgi!), env: { MARK: "two" }, contract: "cgi" },
        },
      },
    );
    try {
      assert.deepEqual([await (await server.get("/small")).text(), await (await server.get("/large")).text()], [pages(4), pages(32)]);
      const told = await server.get("/told");
      assert.match(await told.text(), /^MARK=two$/m);
      assert.match(await (await server.get("/quoted")).text(), /^Status: 200\r\n[\s\S]*^MARK=one$/m);
    } finally {
      await server.stop();
    }
  });

  test("changes its code without a failed request", async () => {
    const server = await startWasmServer({ changing: fileOf(order!) }, { functions: { changing: { contract: "command" } } });
    const state = { isOver: false };
    const seen = new Set<string>();
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!state.isOver) {
        const answer = await server.get("/changing", { method: "POST", body: "quiet" });
        assert.equal(answer.status, 200);
        seen.add(await answer.text());
      }
    });
    try {
      await eventually("the first version answers", () => seen.size === 1);
      const next = join(server.folder, "next");
      copyFileSync(fileOf(command!), next);
      renameSync(next, join(server.folder, "changing.wasm"));
      await server.reload();
      await eventually("the second version answers", () => seen.has("QUIET"));
    } finally {
      state.isOver = true;
      await Promise.all(clients);
      await server.stop();
    }
    assert.equal(seen.size, 2);
  });

  test("whose file becomes no module fails alone, and is served again when it is one", async () => {
    const server = await startWasmServer({ order: fileOf(order!), command: fileOf(command!) });
    try {
      assert.equal((await server.get("/order", ORDER)).status, 200);
      writeFileSync(join(server.folder, "order.wasm"), "no module");
      await server.reload();
      const answer = await server.get("/order", ORDER);
      assert.equal(answer.status, 500);
      assert.match(await answer.text(), /"LOAD_FAILED"/);
      assert.equal((await server.get("/command")).status, 200);
      writeModules(server.folder, { order: fileOf(order!) });
      await server.reload();
      await eventually("it is served again", async () => (await server.get("/order", ORDER)).status === 200);
    } finally {
      await server.stop();
    }
  });

  test("answers again after its worker was killed under load", async () => {
    const server = await startWasmServer({ order: fileOf(order!) }, { workers: 2 });
    const state = { isOver: false, answered: 0 };
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!state.isOver) {
        const answer = await server.get("/order", ORDER).catch(() => null);
        if (answer === null) continue;
        assert.ok(answer.status === 200 || answer.status === 503, String(answer.status));
        const text = await answer.text().catch(() => null);
        if (answer.status === 200 && text !== null) assert.deepEqual(JSON.parse(text), PRICED);
        state.answered++;
      }
    });
    try {
      await eventually("there is load", () => state.answered > 100);
      const killed = (await server.workerOf("order", false))!;
      process.kill(killed, "SIGKILL");
      await eventually("another has taken its place", async () => {
        const now = await server.workerOf("order", false);
        return now !== null && now !== killed;
      });
      const before = state.answered;
      await eventually("requests are answered", () => state.answered > before + 200);
    } finally {
      state.isOver = true;
      await Promise.all(clients);
      await server.stop();
    }
  });

  test("is invoked, tested, built, and served from the build without its module", async () => {
    const project = join(workDir, "project");
    writeModules(join(project, "functions"), { order: fileOf(order!) });
    const request = `POST /order\n\n${ORDER.body}\n\n?? status == 200\n?? json total_final == 115\n`;
    writeFileSync(join(project, "functions/order.http"), `### prices an order\n${request}`);
    const cwd = { cwd: project };
    const invoked = await pilotlight(["invoke", "order", "-d", ORDER.body], cwd);
    assert.deepEqual([invoked.status, JSON.parse(invoked.stdout)], [0, PRICED]);
    const tested = await pilotlight(["test"], cwd);
    assert.match(tested.stdout, /✓ prices an order[\s\S]*\n1 passed, 0 failed\n$/);
    const built = await pilotlight(["build", "-o", "out"], cwd);
    assert.equal(built.status, 0, built.stderr);
    mkdirSync(join(workDir, "elsewhere"));
    renameSync(join(project, "out"), join(workDir, "elsewhere/out"));
    rmSync(project, { recursive: true });
    const server = await startServer({}, { path: join(workDir, "elsewhere/out"), dataDir: join(workDir, "elsewhere/data") });
    try {
      assert.deepEqual(await (await server.get("/order", ORDER)).json(), PRICED);
    } finally {
      await server.stop();
    }
  });
});
