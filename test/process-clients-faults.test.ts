/**
 * What a server never says, and a broken one might: each client ends cleanly
 * (exit code 1, a line that says why) or goes on; it never dies of a signal,
 * hangs or answers with somebody else's bytes. And how each begins where it can't.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, type TestContext, test } from "node:test";
import { openSharedMemory } from "../src/engines/process/ring/shared-memory.ts";
import { type Client, cClient, nodeClient, pythonClient, WAYS } from "./support/process-clients.ts";
import { END, KIND, messageBytes, type ProcessPeer, startPeer } from "./support/process-peer.ts";

const NOTHING = Buffer.alloc(0);
const REQUEST_HEAD = 32;
const RING_DATA = 4_096;

const compiled = cClient();
after(() => compiled?.remove());

/** Bytes of a message that no server should send. */
const WRONG_MESSAGES: readonly (readonly [name: string, message: Buffer])[] = [
  ["of an unknown kind", messageBytes(42, END, 1, "", NOTHING)],
  ["of the process's own kinds", messageBytes(KIND.response, END, 1, "", NOTHING)],
  ["without a header", Buffer.from("short")],
  ["of other lengths than it says", messageBytes(KIND.request, END, 1, "GET /echo\n", NOTHING).subarray(0, 20)],
  ["whose lengths are over 2^31", wrongLengths()],
  ["that is a request without a target", messageBytes(KIND.request, END, 1, "GET\n", NOTHING)],
  ["that is a request of nothing", messageBytes(KIND.request, END, 1, "", NOTHING)],
];

for (const client of [pythonClient(), nodeClient(), compiled?.client ?? null]) {
  if (client === null) test("one of the clients", (t) => t.skip("NOT TESTED: this machine lacks python3 or cc"));
  else describe(`the ${client.name} client`, () => suite(client));
}

function suite(client: Client): void {
  for (const way of WAYS) {
    const start = (t: TestContext): Promise<ProcessPeer> => started(t, client, way.ring);

    for (const [name, message] of WRONG_MESSAGES) {
      test(`by ${way.name}, a message ${name} ends it with a reason`, async (t) => {
        const peer = await start(t);
        await peer.ask("/echo");
        peer.sendBytes(message);
        await assertEndsWithReason(peer);
      });
    }

    test(`by ${way.name}, one call twice ends it with a reason`, async (t) => {
      const peer = await start(t);
      peer.send(KIND.request, 0, 1, "POST /echo\n", NOTHING);
      peer.send(KIND.request, 0, 1, "POST /echo\n", NOTHING);
      await assertEndsWithReason(peer);
    });
  }

  test("a frame longer than any ends it with a reason", async (t) => {
    const peer = await started(t, client, null);
    peer.socket.write(Buffer.from([0xff, 0xff, 0xff, 0x7f]));
    await assertEndsWithReason(peer);
  });

  test("a connection that ends within a frame ends it with 0", async (t) => {
    const peer = await started(t, client, null);
    peer.socket.end(Buffer.from([50, 0, 0, 0, 1]));
    assert.deepEqual(await peer.exit(), { code: 0, signal: null });
  });

  const [, ring, smallRing] = WAYS;
  const faults: readonly (readonly [name: string, break_: (words: Uint32Array, entry: number) => void])[] = [
    ["a head that is more than a ring ahead", (words) => set(words, REQUEST_HEAD, ring!.ring!.capacityBytes + 8)],
    ["a head that went back", (words) => set(words, REQUEST_HEAD, -8)],
    ["a length that passes the head", (words, entry) => fill(words, entry, [0x1000, 0], 16)],
    ["a length that passes the end of the data", (words, entry) => fill(words, entry, [0x7fffffff, 0], 1 << 20)],
    ["a length of nothing", (words, entry) => fill(words, entry, [0, 0], 8)],
    ["a skip that leads to another", (words, entry) => fill(words, entry, [0xffffffff], 1 << 20, 0xffffffff)],
    ["a wrong CRC-32", (words, entry) => fill(words, entry, [16, 0xdeadbeef, KIND.stop, 0, 0, 0], 24)],
  ];
  for (const [name, breakIt] of faults) {
    test(`${name} ends it with a reason`, async (t) => {
      const peer = await started(t, client, ring!.ring);
      await peer.ask("/echo");
      const shared = openSharedMemory(peer.ring!.path);
      assert.ok(shared.ok);
      t.after(() => shared.value.close());
      const words = new Uint32Array(shared.value.memory);
      breakIt(words, (RING_DATA + (words[REQUEST_HEAD]! % ring!.ring!.capacityBytes)) / 4);
      peer.socket.write("!");
      await assertEndsWithReason(peer);
    });
  }

  test("doorbells for nothing are harmless", async (t) => {
    const peer = await started(t, client, smallRing!.ring);
    peer.socket.write(Buffer.alloc(100_000, "!"));
    for (let call = 0; call < 100; call++) assert.equal((await peer.ask("/echo")).status, 200);
  });

  test("where its ring can't be had, calls come in frames, and it says why", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pilotlight-no-ring-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const wrong = join(folder, "wrong");
    for (const content of [null, NOTHING, Buffer.alloc(10_000), Buffer.alloc(10_000, "PLRING1\n")]) {
      if (content !== null) writeFileSync(wrong, content);
      const peer = await startPeer({ command: client.command, env: { ...client.env, PILOTLIGHT_RING: wrong }, ring: null });
      t.after(() => peer.end());
      assert.equal(peer.ready, "READY frames/1 1");
      assert.equal((await peer.ask("/echo")).status, 200);
      assert.match(peer.log, /calls come in frames, not through the ring: ./);
    }
  });

  test("started without a server, it says what it is", () => {
    const [program, ...args] = client.command;
    const alone = spawnSync(program!, args, { env: { PATH: process.env["PATH"], ...client.env }, encoding: "utf8" });
    assert.equal(alone.status, 1);
    assert.match(alone.stderr, /PILOTLIGHT_SOCKET is not set: this program is a function; start it with `pilotlight serve FILE`/);

    const env = { PATH: process.env["PATH"], ...client.env, PILOTLIGHT_SOCKET: "/nonexistent/socket" };
    const refused = spawnSync(program!, args, { env, encoding: "utf8" });
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /cannot connect to the server at \/nonexistent\/socket: ./);
  });
}

async function started(t: TestContext, client: Client, ring: (typeof WAYS)[number]["ring"]): Promise<ProcessPeer> {
  const peer = await startPeer({ command: client.command, env: client.env, ring });
  t.after(() => peer.end());
  return peer;
}

async function assertEndsWithReason(peer: ProcessPeer): Promise<void> {
  assert.deepEqual(await peer.exit(), { code: 1, signal: null }, peer.log);
  assert.match(peer.log, /^pilotlight: the server sent .+$/m);
  assert.doesNotMatch(peer.log, /Traceback|at .*\.mjs:|runtime error/);
}

function wrongLengths(): Buffer {
  const message = messageBytes(KIND.request, END, 1, "GET /echo\n", NOTHING);
  message.writeUInt32LE(0xffff_fff0, 8);
  message.writeUInt32LE(0x1a, 12);
  return message;
}

/** Moves a word of the ring's header page. */
function set(words: Uint32Array, word: number, by: number): void {
  Atomics.store(words, word, words[word]! + by);
}

/** Writes an entry, and over the first of the data where a skip leads, and publishes so many bytes. */
function fill(words: Uint32Array, at: number, entry: readonly number[], publishedBytes: number, first = words[RING_DATA / 4]!): void {
  words.set(entry, at);
  words[RING_DATA / 4] = first;
  set(words, REQUEST_HEAD, publishedBytes);
}
