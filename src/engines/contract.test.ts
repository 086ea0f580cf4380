/**
 * The engine contract, run against every engine. An engine joins by adding a
 * subject: how to make one, and the same few functions in its own language.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { type FakeRequest, fakeCall } from "../../test/support/fake-exchange.ts";
import { javascriptSubject } from "../../test/support/javascript-subject.ts";
import { nodeProcessSubject, pythonProcessSubject } from "../../test/support/process-subject.ts";
import { wasmSubject } from "../../test/support/wasm-subject.ts";
import type { Engine, EngineSource, Sandbox, Template } from "./engine.ts";

const MIB = 1024 * 1024;

/** The functions the suite needs; each subject writes them for its engine. */
export interface Subject {
  readonly name: string;
  engine(): Promise<Engine>;
  /** Why it can't be run on this machine; null when it can. */
  readonly skipped: string | null;
  /** What the handlers `throw` and `hoard` end with. */
  readonly thrown: { readonly code: string; readonly message: RegExp };
  readonly outgrown: { readonly code: string; readonly isClosed: boolean };
  /** What a loop without an end ends with. */
  readonly endless: { readonly code: string; readonly isClosed: boolean };
  /** Engines whose every call has fresh state have no other mode. */
  readonly keepsState: boolean;
  /** As many as are opened and closed in a moment, and as many calls with fresh state. */
  readonly sandboxCount: number;
  readonly freshCallCount: number;
  source(handler: "echo" | "count" | "throw" | "spin" | "hoard" | "wait" | "status", limits?: Partial<EngineSource>): Promise<EngineSource>;
}

const subjects: readonly Subject[] = [javascriptSubject, await wasmSubject(), nodeProcessSubject, pythonProcessSubject];

for (const subject of subjects) {
  describe(`the ${subject.name} engine`, { skip: subject.skipped ?? false }, () => {
    let engine: Engine;
    before(async () => {
      engine = await subject.engine();
    });
    after(() => engine.close());

    async function open(
      handler: Parameters<Subject["source"]>[0],
      limits?: Partial<EngineSource>,
    ): Promise<{ template: Template; sandbox: Sandbox }> {
      const template = await engine.prepare(await subject.source(handler, limits));
      const sandbox = await template.open();
      assert.equal((await sandbox.warmUp?.()) ?? null, null);
      return { template, sandbox };
    }
    async function ask(sandbox: Sandbox, request?: FakeRequest) {
      const { call, answer } = fakeCall(request);
      sandbox.invoke(call);
      return answer;
    }

    test("echoes every byte value, method, target and header", async () => {
      const { sandbox } = await open("echo");
      const body = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      const answer = await ask(sandbox, { method: "PUT", target: "/a%20b?c=d", headers: { "x-probe": "grün".normalize("NFC") }, body });
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, body);
      assert.equal(answer.headers.get("x-method"), "PUT");
      assert.equal(answer.headers.get("x-target"), "/a%20b?c=d");
      assert.equal(answer.headers.get("x-echo"), "grün");
      sandbox.close();
    });

    test("takes an empty body and one of 10 MiB, streamed, byte for byte", async () => {
      const { sandbox } = await open("echo");
      assert.equal((await ask(sandbox, { method: "POST", body: "" })).body.length, 0);
      const large = Buffer.alloc(10 * MIB);
      for (let at = 0; at < large.length; at += 4) large.writeUInt32LE((at * 2654435761) >>> 0, at);
      const answer = await ask(sandbox, { method: "POST", body: large, chunkBytes: 60_000 });
      const sha = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
      assert.equal(sha(answer.body), sha(large));
      sandbox.close();
    });

    test("passes every status code on", async () => {
      const { sandbox } = await open("status");
      for (const status of [200, 201, 204, 301, 304, 404, 418, 500, 599]) {
        assert.equal((await ask(sandbox, { target: `/${status}` })).status, status);
      }
      sandbox.close();
    });

    test("fails the call whose handler throws, with the reason, and serves on", async () => {
      const { sandbox } = await open("throw");
      const { failure } = await ask(sandbox);
      assert.equal(failure?.code, subject.thrown.code);
      assert.match(failure?.message ?? "", subject.thrown.message);
      assert.equal((await ask(sandbox)).failure?.code, subject.thrown.code);
      sandbox.close();
    });

    test("ends an endless loop at its limit, and another sandbox can be opened", async () => {
      const { sandbox, template } = await open("spin", { cpuTimeoutMs: 100 });
      assert.equal((await ask(sandbox)).failure?.code, subject.endless.code);
      assert.equal(sandbox.closed, subject.endless.isClosed);
      const next = await template.open();
      assert.equal((await ask(next)).failure?.code, subject.endless.code);
      next.close();
      sandbox.close();
    });

    test("ends a memory bomb at its limit", async () => {
      const { sandbox } = await open("hoard", { memoryMaxBytes: 32 * MIB, cpuTimeoutMs: 20_000 });
      assert.equal((await ask(sandbox)).failure?.code, subject.outgrown.code);
      assert.equal(sandbox.closed, subject.outgrown.isClosed);
      sandbox.close();
    });

    test("answers a call that awaits past its deadline with a time-out, and lives on", async () => {
      const { sandbox } = await open("wait", { timeoutMs: 500 });
      assert.equal((await ask(sandbox, { target: "/5000" })).failure?.code, "CALL_TIMEOUT");
      assert.equal((await ask(sandbox, { target: "/1" })).status, 200);
      sandbox.close();
    });

    test("serves other calls while one waits", async () => {
      const { sandbox } = await open("wait");
      const order: string[] = [];
      await Promise.all([
        ask(sandbox, { target: "/120" }).then(() => order.push("slow")),
        ask(sandbox, { target: "/1" }).then(() => order.push("quick")),
      ]);
      assert.deepEqual(order, ["quick", "slow"]);
      sandbox.close();
    });

    test("forgets a call whose client has gone", async () => {
      const { sandbox } = await open("wait");
      const { call, abort } = fakeCall({ target: "/5000" });
      sandbox.invoke(call);
      await ask(sandbox, { target: "/1" });
      abort();
      assert.equal(sandbox.busyCount, 0);
      sandbox.close();
    });

    test("keeps state between calls only when it may", async () => {
      const shared = subject.keepsState ? await open("count") : null;
      for (const expected of shared === null ? [] : ["1", "2", "3"]) assert.equal((await ask(shared!.sandbox)).body.toString(), expected);
      shared?.sandbox.close();
      const fresh = await open("count", { freshState: true });
      for (let call = 0; call < subject.freshCallCount; call++) assert.equal((await ask(fresh.sandbox)).body.toString(), "1");
      fresh.sandbox.close();
    });

    test("fails open calls when it is closed", async () => {
      const { sandbox } = await open("wait");
      const { call, answer } = fakeCall({ target: "/5000" });
      sandbox.invoke(call);
      await ask(sandbox, { target: "/1" });
      sandbox.close();
      assert.match((await answer).failure?.code ?? "", /SANDBOX_(LOST|CLOSED)/);
    });

    test(`opens and closes ${subject.sandboxCount} sandboxes without growth`, async () => {
      const template = await engine.prepare(await subject.source("count"));
      const cycle = async (count: number): Promise<number> => {
        for (let at = 0; at < count; at++) {
          const sandbox = await template.open();
          assert.equal((await ask(sandbox)).body.toString(), "1");
          sandbox.close();
        }
        return process.memoryUsage.rss();
      };
      const warmCount = subject.sandboxCount / 5;
      const warmBytes = await cycle(warmCount);
      const grownBytes = (await cycle(subject.sandboxCount - warmCount)) - warmBytes;
      assert.ok(grownBytes < 64 * MIB, `resident memory grew by ${Math.round(grownBytes / MIB)} MiB`);
    });
  });
}
