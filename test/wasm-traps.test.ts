/**
 * How WebAssembly functions end badly, as their operator and their clients see
 * it: traps by name with the guest's frames, exit codes, and nothing of either
 * in an answer.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileOf, guest, skipReason } from "./support/guests.ts";
import type { TestServer } from "./support/server.ts";
import { startWasmServer } from "./support/wasm-server.ts";

const [trap, exit, order] = await Promise.all(["trap", "exit-code", "order"].map((name) => guest("c", name)));

const CUSTOM_SECTION = 0;
const HEAD_BYTES = 8;

/** The module as `wasm-strip` leaves it: no custom sections, so no names. */
function withoutNames(module: Uint8Array): Uint8Array {
  const kept: Uint8Array[] = [module.subarray(0, HEAD_BYTES)];
  for (let at = HEAD_BYTES; at < module.length; ) {
    const start = at;
    const id = module[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++]!;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += size;
    if (id !== CUSTOM_SECTION) kept.push(module.subarray(start, at));
  }
  return Buffer.concat(kept);
}

interface Told {
  readonly status: number;
  readonly text: string;
  readonly logged: Record<string, unknown>;
}

describe("a WebAssembly function", { skip: skipReason(trap!) }, () => {
  let server: TestServer;
  before(async () => {
    const modules = {
      trap: fileOf(trap!),
      stripped: withoutNames(readFileSync(fileOf(trap!))),
      exit: fileOf(exit!),
      order: fileOf(order!),
    };
    server = await startWasmServer(modules, { functions: { stripped: { contract: "command" } } });
  });
  after(() => server.stop());

  async function ask(path: string, bodies: readonly string[]): Promise<Told[]> {
    const answers = [];
    for (const body of bodies) {
      const answer = await server.get(path, { method: "POST", body });
      answers.push({ status: answer.status, id: answer.headers.get("x-request-id"), text: await answer.text() });
    }
    const logs = await server.logs();
    return answers.map(({ status, id, text }) => {
      const logged = logs.find((record) => record["requestId"] === id && record["level"] === "error");
      return { status, text, logged: logged ?? {} };
    });
  }

  test("that traps answers 500, with the trap's name and its frames in the log alone", async () => {
    const names = {
      unreachable: "unreachable",
      divide: "integer divide by zero",
      overflow: "integer overflow",
      bounds: "out of bounds memory access",
      indirect: "indirect call type mismatch",
      convert: "invalid conversion to integer",
    };
    const told = await ask("/trap", Object.keys(names));
    for (const [index, name] of Object.values(names).entries()) {
      const { status, text, logged } = told[index]!;
      assert.equal(status, 500);
      assert.equal(logged["message"], `trap trapped: ${name}`);
      assert.match(String(logged["stack"]), /\n {4}at innermost \(.*\n {4}at middle \(.*\n {4}at main \(/);
      assert.doesNotMatch(text, new RegExp(`innermost|middle|wasm-function|${name}`));
      assert.equal(JSON.parse(text).error.code, "GUEST_TRAPPED");
    }
  });

  test("without a name section has frames by number", async () => {
    const [{ status, logged }] = (await ask("/stripped", ["divide"])) as [Told];
    assert.equal(status, 500);
    assert.equal(logged["message"], "stripped trapped: integer divide by zero");
    assert.match(String(logged["stack"]), /\n {4}at wasm:\/\/wasm\/[0-9a-f]+:wasm-function\[\d+\]/);
  });

  test("that aborts has what it said on standard error in the log", async () => {
    const [{ status, text, logged }] = (await ask("/trap", ["abort"])) as [Told];
    assert.equal(status, 500);
    assert.doesNotMatch(text, /boom/);
    const lines = (await server.logs("trap")).filter((record) => record["requestId"] === logged["requestId"]);
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [
        ["info", "boom"],
        ["error", "trap trapped: unreachable"],
      ],
    );
  });

  test("that ends with 0 answers with what it wrote, with another code 500, whatever it wrote", async () => {
    const [zero, ...others] = await ask("/exit", ["0", "1", "77", "256", "-1"]);
    assert.deepEqual([zero!.status, zero!.text], [200, "ending with 0\n"]);
    for (const [index, code] of [1, 77, 256, -1].entries()) {
      const { status, text, logged } = others[index]!;
      assert.equal(status, 500);
      assert.equal(JSON.parse(text).error.code, "GUEST_EXITED");
      assert.doesNotMatch(text, /ending with/);
      assert.equal(logged["message"], `exit ended with exit code ${code}`);
    }
  });

  test("serves on after a trap, from fresh state", async () => {
    const bodies = ["unreachable", "bounds", "none"];
    for (let round = 0; round < 30; round++) {
      const answer = await server.get("/trap", { method: "POST", body: bodies[round % bodies.length]! });
      assert.equal(answer.status, 500);
    }
    const answer = await server.get("/order", { method: "POST", body: '{"id":"1","value":100}' });
    assert.deepEqual(await answer.json(), { order_id: "1", total_final: 115, engine: "c" });
  });

  test("shows its trap and frames to the developer in dev", async () => {
    const developing = await startWasmServer({ trap: fileOf(trap!) }, { mode: "dev" });
    try {
      const answer = await developing.get("/trap", { method: "POST", body: "divide" });
      assert.equal(answer.status, 500);
      assert.match(await answer.text(), /^GUEST_TRAPPED in trap\n\ntrap trapped: integer divide by zero\n\n[\s\S]*at innermost \(/);
    } finally {
      await developing.stop();
    }
  });
});
