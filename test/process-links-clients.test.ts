/** Our links with the clients that functions are written with: each language, by frames and by the ring. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { openFrameLink } from "../src/engines/process/links/frame-link.ts";
import type { CallEnd, Link } from "../src/engines/process/links/link.ts";
import { openRingLink } from "../src/engines/process/links/ring-link.ts";
import { createRingFile, type RingFile } from "../src/engines/process/ring/ring-file.ts";
import type { RingShape } from "../src/engines/process/ring/ring-layout.ts";
import { type FakeCall, type FakeRequest, fakeCall } from "./support/fake-exchange.ts";
import { type Client, cClient, nodeClient, pythonClient, WAYS, type Way } from "./support/process-clients.ts";
import { endOf, firstLine, type ProcessExit } from "./support/process-peer.ts";

const compiled = cClient();
after(() => compiled?.remove());
const clients = [pythonClient(), nodeClient(), compiled?.client ?? null].filter((client) => client !== null);

interface Linked extends AsyncDisposable {
  readonly link: Link;
  readonly exited: Promise<ProcessExit>;
  begin(target: string, request?: FakeRequest): FakeCall & { readonly ended: Promise<CallEnd>; abandon(): void };
}

function ringOf(shape: RingShape): RingFile {
  const ring = createRingFile(shape);
  assert.ok(ring.ok);
  return ring.value;
}

async function linked(client: Client, way: Way, concurrency = 1): Promise<Linked> {
  const ring = way.ring === null ? null : ringOf(way.ring);
  const home = mkdtempSync(join(tmpdir(), "pilotlight-linked-"));
  const path = join(home, "socket");
  const server = createServer().listen(path);
  await once(server, "listening");
  const child = spawn(client.command[0]!, client.command.slice(1), {
    env: {
      PATH: process.env["PATH"],
      PILOTLIGHT_SOCKET: path,
      ...(ring === null ? {} : { PILOTLIGHT_RING: ring.path }),
      ...client.env,
    },
    stdio: ["ignore", "inherit", "ignore"],
  });
  const exited = endOf(child);
  const [socket] = (await once(server, "connection")) as [Socket];
  const { line, rest } = await firstLine(socket);
  server.close();
  rmSync(home, { recursive: true });
  assert.deepEqual([line, rest.length], [`READY ${ring === null ? "frames" : "ring"}/1 ${concurrency}`, 0]);
  const link = ring === null ? openFrameLink(socket, { functionId: "fn" }) : openRingLink(ring, socket, { functionId: "fn" });
  return {
    link,
    exited,
    begin(target, request = {}) {
      const fake = fakeCall({ ...request, target });
      const ended = Promise.withResolvers<CallEnd>();
      const open = link.begin(fake.call, ended.resolve);
      return { ...fake, ended: ended.promise, abandon: () => open.abandon({ code: "CALL_TIMEOUT", message: "too late" }) };
    },
    async [Symbol.asyncDispose]() {
      link.close("the test is over");
      child.kill("SIGKILL");
      await exited;
      ring?.close();
    },
  };
}

/** What was cancelled is answered too, when its handler has seen it. */
async function uncancelled(link: Link): Promise<void> {
  while (link.cancelledCount > 0) await new Promise((resolve) => setImmediate(resolve));
}

for (const client of clients) {
  for (const way of WAYS) {
    describe(`the ${client.name} client by ${way.name}`, () => {
      test("answers, streams, fails and goes as its link asks", async () => {
        await using process = await linked(client, way);
        const { link, begin } = process;

        const small = await begin("/echo?a=%20b", { method: "PUT", body: "hello", headers: { "X-Sent": "caf\u00e9" } }).answer;
        assert.deepEqual([small.status, small.body.toString()], [200, "hello"]);
        assert.deepEqual([small.headers.get("x-method"), small.headers.get("x-target")], ["PUT", "/echo?a=%20b"]);
        assert.equal(small.headers.get("x-seen"), "caf\u00e9");

        const long = Buffer.alloc(500_000, "abcdefg");
        for (const chunkBytes of [undefined, 70_000]) {
          const cut = chunkBytes === undefined ? {} : { chunkBytes };
          const echoed = await begin("/echo", { method: "POST", body: long, ...cut }).answer;
          assert.ok(echoed.body.equals(long));
        }

        assert.equal((await begin("/pieces?n=3").answer).body.toString(), "piece 0;piece 1;piece 2;");
        const broken = await begin("/pieces?n=5&fail=3").ended;
        assert.ok(broken.kind === "failed" && broken.failure.code === "HANDLER_THREW" && !broken.isSpent);
        const thrown = await begin("/fail").ended;
        assert.ok(thrown.kind === "failed" && thrown.failure.code === "HANDLER_THREW");

        const endless = begin("/endless");
        while (!endless.call.exchange.answered) await new Promise((resolve) => setImmediate(resolve));
        endless.abandon();
        assert.equal((await endless.ended).kind, "failed");
        await uncancelled(link);
        const patient = begin("/patient");
        patient.abandon();
        assert.equal((await patient.ended).kind, "failed");
        assert.equal(await link.isHealthy(20_000), true);
        assert.equal((await begin("/echo", { body: "after" }).answer).body.toString(), "after");
        await uncancelled(link);

        const last = begin("/echo", { body: "last" });
        link.askToStop();
        assert.equal((await last.answer).body.toString(), "last");
        assert.deepEqual(await process.exited, { code: 0, signal: null });
      });
    });
  }
}

const python = pythonClient();
test("a call that lies ready in a Python process can be given up before it is begun", { skip: python === null }, async () => {
  for (const way of WAYS) {
    await using process = await linked({ ...python!, env: { ...python!.env, AHEAD: "1" } }, way, 2);
    const { link, begin } = process;
    const running = begin("/patient");
    const ready = begin("/patient");
    ready.abandon();
    running.abandon();
    await uncancelled(link);
    assert.equal((await begin("/echo", { body: "after" }).answer).body.toString(), "after");
  }
});
