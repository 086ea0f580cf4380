/**
 * Fresh state for every request of a WebAssembly function, however requests
 * start: guests that leave something everywhere (data, heap, stack, globals,
 * tables, libc's own state, open files) and look for it must never find it.
 * test/guests.test.ts proves that they would.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Engine } from "../src/engines/engine.ts";
import { fakeCall } from "./support/fake-exchange.ts";
import { fileOf, type Guest, guest, type Language, skipReason } from "./support/guests.ts";
import { startWasmServer } from "./support/wasm-server.ts";
import { makeWasmEngine, moduleSource } from "./support/wasm-subject.ts";

const REQUESTS = 50;
/** Binaryen takes its time with a module of 3 MB. */
/** A server gives up before. */
const PREPARED_WITHIN_MS = 150_000;
/** Preparing wants the processor as well. */
const PAUSE_MS = 200;

const probers: readonly (readonly [name: string, guest: Guest])[] = [
  ...(await Promise.all(
    (["c", "rust", "go", "assemblyscript"] as const satisfies Language[]).map(
      async (language) => [language, await guest(language, "state")] as const,
    ),
  )),
  ["tables and globals", await guest("wat", "table")],
];
const workDir = mkdtempSync(join(tmpdir(), "pilotlight-fresh-"));
after(() => rmSync(workDir, { recursive: true, force: true }));

const c = await guest("c", "state");

describe("in one isolate", () => {
  let engine: Engine;
  before(async () => {
    engine = await makeWasmEngine();
  });
  after(() => engine.close());

  for (const [name, prober] of probers) {
    for (const mode of ["reset", "instance"]) {
      test(`${REQUESTS} requests by ${mode} find nothing of each other (${name})`, { skip: skipReason(prober) }, async (t) => {
        const source = await moduleSource(fileOf(prober), { contract: "command" });
        const mapFile = join(workDir, `${name}-${mode}.json`);
        writeFileSync(mapFile, JSON.stringify({ ...JSON.parse(readFileSync(source.mapFile, "utf8")), mode }));
        const sandbox = await (await engine.prepare({ ...source, mapFile })).open();
        t.after(() => sandbox.close());
        const ask = async (): Promise<string> => {
          const { call, answer } = fakeCall();
          sandbox.invoke(call);
          const { failure, body } = await answer;
          assert.equal(failure, null);
          return body.toString();
        };
        const first = await ask();
        assert.notEqual(first, "");
        for (let request = 1; request < REQUESTS; request++) assert.equal(await ask(), first, `request ${request}`);
      });
    }
  }
});

describe("in one isolate, waiting", { skip: skipReason(c) }, () => {
  for (const mode of ["reset", "instance"]) {
    test(`requests that wait by ${mode} find nothing of each other, nor of those that don't`, async (t) => {
      const engine = await makeWasmEngine();
      t.after(() => engine.close());
      const source = await moduleSource(fileOf(c), { contract: "command" });
      const mapFile = join(workDir, `waiting-${mode}.json`);
      writeFileSync(mapFile, JSON.stringify({ ...JSON.parse(readFileSync(source.mapFile, "utf8")), mode }));
      const sandbox = await (await engine.prepare({ ...source, mapFile })).open();
      t.after(() => sandbox.close());
      const ask = async (body: string): Promise<string> => {
        const { call, answer } = fakeCall({ method: "POST", body });
        sandbox.invoke(call);
        const { failure, body: text } = await answer;
        assert.equal(failure, null);
        return text.toString();
      };
      const first = await ask("");
      // A few at a time: more than are kept ready, so that some are made anew and some handed on.
      for (let round = 0; round < 10; round++) {
        const texts = await Promise.all(["wait", "", "wait", "wait", "wait", "wait", "wait", ""].map(ask));
        for (const text of texts) assert.equal(text, first, `round ${round}`);
      }
    });
  }
});

describe("in a server", { skip: skipReason(c) }, () => {
  test("requests that come while a function goes over to its faster start find nothing of each other", async () => {
    const present = probers.flatMap(([name, prober]) => ("file" in prober ? [[name.replaceAll(" ", "-"), prober.file] as const] : []));
    const names = present.map(([name]) => name);
    const server = await startWasmServer(Object.fromEntries(present), {
      functions: Object.fromEntries(names.map((name) => [name, { contract: "command" as const, checkpoint: true }])),
    });
    try {
      const firsts = new Map<string, string>();
      const askAll = async (): Promise<void> => {
        for (const name of names) {
          const answer = await server.get(`/${name}`);
          assert.equal(answer.status, 200, name);
          const text = await answer.text();
          firsts.set(name, firsts.get(name) ?? text);
          assert.equal(text, firsts.get(name), name);
        }
      };
      const isReady = async (): Promise<boolean> =>
        !names.includes("go") || (await server.metric("pilotlight_function_start_mode", '"go"', '"checkpoint"')) === 1;
      const deadlineMs = performance.now() + PREPARED_WITHIN_MS;
      while (!(await isReady())) {
        assert.ok(performance.now() < deadlineMs, "the guest in Go never got a faster start");
        await askAll();
        await setTimeout(PAUSE_MS);
      }
      for (let request = 0; request < REQUESTS / 2; request++) await askAll();
    } finally {
      await server.stop();
    }
  });
});
