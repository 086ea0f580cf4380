/**
 * What a process function and its server say to each other, said by every client
 * of guest/process over every way it knows (docs/process-protocol.md): one suite
 * for all of them. The server's side is a script (support/process-peer.ts).
 */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { MIB } from "../src/base/units.ts";
import { type Client, cClient, nodeClient, pythonClient, WAYS, type Way } from "./support/process-clients.ts";
import { END, KIND, type ProcessPeer, startPeer } from "./support/process-peer.ts";
import fc from "./support/properties.ts";

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
/** By the ring, which has the most to get wrong; fewer by the others. */
const CALLS = 10_000;

const compiled = cClient();
after(() => compiled?.remove());
const clients: readonly (readonly [name: Client["name"], client: Client | null])[] = [
  ["Python", pythonClient()],
  ["Node", nodeClient()],
  ["C", compiled?.client ?? null],
];

for (const [name, client] of clients) {
  if (client === null) test(`the ${name} client`, (t) => t.skip(`NOT TESTED: this machine can't run ${name}`));
  else for (const way of WAYS) describe(`the ${name} client by ${way.name}`, () => suite(client, way));
}

function suite(client: Client, way: Way): void {
  const launch = (env: NodeJS.ProcessEnv = {}): Promise<ProcessPeer> =>
    startPeer({ command: client.command, env: { ...client.env, ...env }, ring: way.ring });
  // One process for all tests that leave it as it was: each of them is proof that the ones before did.
  let peer: ProcessPeer;
  before(async () => {
    peer = await launch();
  });
  after(() => peer.end());

  async function start(t: TestContext, env: NodeJS.ProcessEnv = {}): Promise<ProcessPeer> {
    const own = await launch(env);
    t.after(() => own.end());
    return own;
  }

  test("says how it is called, and how often at a time", async (t) => {
    assert.equal(peer.ready, way.ring === null ? "READY frames/1 1" : "READY ring/1 1");
    if (client.name === "C") return;
    assert.match((await start(t, { CONCURRENCY: "7" })).ready, /1 7$/);
  });

  test("a request comes whole, and its answer", async () => {
    const headers = "content-type: application/octet-stream\nx-sent: caf\u00e9 au lait\n";
    const answer = await peer.ask("/echo?a=%20b", { method: "PUT", headers, body: EVERY_BYTE });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.body, EVERY_BYTE);
    assert.equal(answer.messageCount, 1);
    assert.match(answer.head, /^x-method: PUT$/m);
    assert.match(answer.head, /^x-target: \/echo\?a=%20b$/m);
    assert.match(answer.head, /^x-seen: caf\u00e9 au lait$/m);
    assert.doesNotMatch(answer.head, /connection/);
  });

  test("bodies may be empty, and longer than a message", async () => {
    assert.equal((await peer.ask("/echo")).body.length, 0);
    const body = Buffer.alloc(way.ring?.capacityBytes === 4_096 ? MIB : 10 * MIB, EVERY_BYTE);
    const answer = await peer.ask("/echo", { body });
    assert.ok(answer.body.equals(body));
    assert.ok(answer.messageCount > 1);
    assert.equal((await peer.ask("/large?bytes=3000000")).body.length, 3_000_000);
  });

  test("an answer has the status that its handler says", async () => {
    for (const code of [200, 404, 599]) {
      const answer = await peer.ask(`/status?code=${code}`);
      assert.deepEqual([answer.status, `${answer.body}`], [code, "so be it"]);
    }
    assert.notEqual((await peer.ask("/status?code=700")).failed, null);
  });

  test("a handler that fails costs its own call and nothing else", async () => {
    const answer = await peer.ask("/fail");
    assert.match(answer.failed ?? "", client.name === "C" ? /returned 7/ : /division by zero/);
    await peer.logged("/fail failed");
    assert.equal((await peer.ask("/echo", { body: EVERY_BYTE })).status, 200);
  });

  test("a header that would be two fails its call", async () => {
    assert.notEqual((await peer.ask("/header?name=x-a&value=a%0Ab")).failed, null);
    if (client.name !== "C") assert.notEqual((await peer.ask("/header?name=x%20a&value=a")).failed, null);
    assert.equal((await peer.ask("/header?name=x-a&value=b")).head.includes("x-a: b\n"), true);
  });

  test("a stream leaves piece by piece, and its break is told", async () => {
    const answer = await peer.ask("/pieces?n=5");
    assert.equal(`${answer.body}`, "piece 0;piece 1;piece 2;piece 3;piece 4;");
    assert.ok(answer.messageCount >= 5);
    const broken = await peer.ask("/pieces?n=5&fail=3");
    assert.equal(`${broken.body}`, "piece 0;piece 1;piece 2;");
    assert.notEqual(broken.failed, null);
    assert.equal(`${(await peer.ask("/pieces?n=1")).body}`, "piece 0;");
    assert.equal((await peer.ask("/pieces?n=0")).body.length, 0);
  });

  test("a handler learns that nobody waits for it any more, and the next call is answered", async () => {
    peer.request(1, "/patient");
    // Comes while the handler runs, and is not forgotten over it.
    peer.send(KIND.ping, 0, 0, "", Buffer.from("?"));
    peer.send(KIND.cancel, 0, 1);
    await peer.answer(1);
    await peer.logged("it was cancelled");
    assert.equal(`${(await peer.other()).body}`, "?");
    assert.equal((await peer.ask("/echo")).status, 200);
  });

  test("an endless stream ends when nobody waits for it", async () => {
    peer.request(1, "/endless");
    await peer.someOf(1);
    peer.send(KIND.cancel, 0, 1);
    assert.notEqual((await peer.answer(1)).failed, null);
    assert.equal((await peer.ask("/echo")).status, 200);
  });

  test("a request that is cancelled before its body has come is forgotten", async () => {
    peer.send(KIND.request, 0, 1, "POST /echo\n", Buffer.from("half"));
    peer.send(KIND.cancel, 0, 1);
    assert.notEqual((await peer.answer(1)).failed, null);
    peer.request(1, "/echo", { body: Buffer.from("anew") });
    assert.equal(`${(await peer.answer(1)).body}`, "anew");
  });

  test("what crosses an answer on the way is ignored", async () => {
    peer.request(1, "/echo");
    await peer.answer(1);
    peer.send(KIND.cancel, 0, 1);
    peer.send(KIND.requestBody, END, 1, "", Buffer.from("late"));
    peer.send(KIND.cancel, 0, 77);
    assert.equal((await peer.ask("/echo")).status, 200);
  });

  test("a body over the limit is answered with 413, before it has ended", async (t) => {
    const peer = await start(t, { BODY_MAX: "1000" });
    peer.send(KIND.request, 0, 1, "POST /echo\n", Buffer.alloc(600));
    peer.send(KIND.requestBody, 0, 1, "", Buffer.alloc(600));
    assert.equal((await peer.answer(1)).status, 413);
    peer.send(KIND.requestBody, END, 1, "", Buffer.alloc(600));
    assert.equal((await peer.ask("/echo", { body: Buffer.alloc(1_000) })).status, 200);
    assert.equal((await peer.ask("/echo", { body: Buffer.alloc(1_001) })).status, 413);
  });

  test("a ping is answered with what it said", async () => {
    for (const body of [Buffer.alloc(0), EVERY_BYTE, Buffer.alloc(1_024, 7)]) {
      peer.send(KIND.ping, 0, 0, "", body);
      const pong = await peer.other();
      assert.equal(pong.kind, KIND.pong);
      assert.deepEqual(pong.body, body);
    }
  });

  test("told to stop, it answers what it has and leaves with 0", async (t) => {
    const idle = await start(t);
    idle.send(KIND.stop, 0, 0);
    assert.deepEqual(await idle.exit(), { code: 0, signal: null });

    const busy = await start(t);
    busy.send(KIND.request, 0, 1, "POST /echo\n", Buffer.from("to be "));
    busy.send(KIND.stop, 0, 0);
    busy.send(KIND.requestBody, END, 1, "", Buffer.from("continued"));
    assert.equal(`${(await busy.answer(1)).body}`, "to be continued");
    assert.deepEqual(await busy.exit(), { code: 0, signal: null });
  });

  test("the end of the connection is its end, with 0", async (t) => {
    const idle = await start(t);
    await idle.ask("/echo");
    idle.socket.destroy();
    assert.deepEqual(await idle.exit(), { code: 0, signal: null });

    const busy = await start(t);
    busy.request(1, "/endless");
    await busy.someOf(1);
    busy.socket.destroy();
    assert.deepEqual(await busy.exit(), { code: 0, signal: null });
  });

  for (const concurrency of client.name === "C" ? [1] : [1, 4]) everyCall(concurrency);

  function everyCall(concurrency: number): void {
    const calls = way.ring?.hasCrc ? CALLS : CALLS / 5;
    test(`${calls} calls of any size, ${concurrency} at a time, get each its own answer, once`, async (t) => {
      const peer = await start(t, { CONCURRENCY: `${concurrency}` });
      const sizeMax = way.ring?.capacityBytes === 4_096 ? 6_000 : 100_000;
      // Mostly short, as bodies are; now and then more than a message.
      const size = fc.oneof({ weight: 30, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(sizeMax) });
      const [sizes] = fc.sample(fc.array(size, { minLength: calls, maxLength: calls, size: "max" }), 1);
      let next = 0;
      const caller = async (): Promise<void> => {
        for (let index = next++; index < calls; index = next++) {
          const body = Buffer.alloc(sizes![index]!, `${index}|`);
          const answer = await peer.ask(`/echo?${index}`, { method: "POST", body });
          assert.ok(answer.body.equals(body), `call ${index} of ${body.length} bytes`);
          assert.ok(answer.head.includes(`x-target: /echo?${index}\n`));
        }
      };
      await Promise.all(Array.from({ length: concurrency }, caller));
      peer.send(KIND.stop, 0, 0);
      assert.deepEqual(await peer.exit(), { code: 0, signal: null });
      assert.equal(peer.log, "");
    });
  }
}
