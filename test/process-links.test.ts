/**
 * Links by messages over what really carries them: unix sockets, and rings in
 * shared memory. The instance is scripted and lives in this process.
 */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { openFrameLink } from "../src/engines/process/links/frame-link.ts";
import { BACKLOG_MAX_BYTES } from "../src/engines/process/links/frame-wire.ts";
import type { CallEnd, Link } from "../src/engines/process/links/link.ts";
import { emptyMessage, HEADER_BYTES, KIND, type Message, readHeader, writeHeader } from "../src/engines/process/links/messages.ts";
import { openRingLink } from "../src/engines/process/links/ring-link.ts";
import { RingEnd } from "../src/engines/process/ring/ring-end.ts";
import { createRingFile, openRingFile } from "../src/engines/process/ring/ring-file.ts";
import { NO_ROOM } from "../src/engines/process/ring/ring-producer.ts";
import { type FakeCall, type FakeRequest, fakeCall } from "./support/fake-exchange.ts";

interface Heard extends Readonly<Message> {
  readonly head: string;
  readonly body: Buffer;
}

/** The instance's side: messages come in and go out whole. */
interface Instance {
  onMessage: (message: Heard) => void;
  say(kind: number, said: { call?: number; status?: number; head?: string; body?: Buffer; isEnd?: boolean }): void;
  /** Goes when it has said all. */
  go(): void;
  readonly connection: Socket;
}

interface Way {
  readonly link: Link;
  readonly instance: Instance;
  readonly broken: Promise<string>;
  close(): void;
}

async function connected(): Promise<{ ours: Socket; theirs: Socket }> {
  const server = createServer();
  const path = join(mkdtempSync(join(tmpdir(), "pilotlight-link-")), "s");
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const theirs = connect(path);
  const ours = await accepted;
  server.close();
  theirs.on("error", () => {});
  return { ours, theirs };
}

function heard(bytes: Buffer): Heard {
  const message = emptyMessage();
  assert.equal(readHeader(bytes, 0, bytes.length, message), null);
  const bodyAt = HEADER_BYTES + message.headBytes;
  return { ...message, head: bytes.toString("latin1", HEADER_BYTES, bodyAt), body: bytes.subarray(bodyAt) };
}

function written({ kind, call = 0, status = 0, head = "", body = Buffer.alloc(0), isEnd = false }: Said): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + head.length + body.length);
  writeHeader(bytes, 0, kind, isEnd, status, call, head.length, body.length);
  bytes.write(head, HEADER_BYTES, "latin1");
  body.copy(bytes, HEADER_BYTES + head.length);
  return bytes;
}

interface Said {
  readonly kind: number;
  readonly call?: number;
  readonly status?: number;
  readonly head?: string;
  readonly body?: Buffer;
  readonly isEnd?: boolean;
}

function watch(link: Link): Promise<string> {
  return new Promise((resolve) => {
    link.onBroken = resolve;
  });
}

async function byFrames(): Promise<Way> {
  const { ours, theirs } = await connected();
  const link = openFrameLink(ours, { functionId: "fn" });
  const instance: Instance = {
    onMessage: () => {},
    say(kind, said) {
      const message = written({ kind, ...said });
      const length = Buffer.alloc(4);
      length.writeUInt32LE(message.length);
      theirs.write(Buffer.concat([length, message]));
    },
    go: () => theirs.end(),
    connection: theirs,
  };
  let bytes = Buffer.alloc(0);
  theirs.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32LE(0)) {
      const end = 4 + bytes.readUInt32LE(0);
      instance.onMessage(heard(bytes.subarray(4, end)));
      bytes = bytes.subarray(end);
    }
  });
  return { link, instance, broken: watch(link), close: () => link.close("the test is over") };
}

async function byRing(): Promise<Way> {
  const { ours, theirs } = await connected();
  const ring = createRingFile({ capacityBytes: 64 * 1024, hasCrc: true });
  assert.ok(ring.ok);
  const opened = openRingFile(ring.value.path);
  assert.ok(opened.ok);
  const link = openRingLink(ring.value, ours, { functionId: "fn" });
  const unsaid: Buffer[] = [];
  let isGoing = false;
  const speak = (): void => {
    for (let message = unsaid[0]; message !== undefined; message = unsaid[0]) {
      const at = end.reserve(message.length);
      if (at === NO_ROOM) return;
      unsaid.shift();
      message.copy(end.into, at);
      end.commit();
    }
    if (isGoing) theirs.end();
  };
  const instance: Instance = {
    onMessage: () => {},
    say(kind, said) {
      unsaid.push(written({ kind, ...said }));
      speak();
    },
    go() {
      isGoing = true;
      speak();
    },
    connection: theirs,
  };
  const end = new RingEnd(opened.value.processSide(), theirs, {
    message: (message) => instance.onMessage(heard(message)),
    room: speak,
    broken: () => theirs.destroy(),
  });
  return {
    link,
    instance,
    broken: watch(link),
    close() {
      link.close("the test is over");
      end.close();
      opened.value.close();
      ring.value.close();
    },
  };
}

function begin(link: Link, request: FakeRequest = {}): FakeCall & { ended: Promise<CallEnd>; abandon: () => void } {
  const fake = fakeCall(request);
  const ended = Promise.withResolvers<CallEnd>();
  const linked = link.begin(fake.call, ended.resolve);
  return { ...fake, ended: ended.promise, abandon: () => linked.abandon({ code: "CALL_TIMEOUT", message: "too late" }) };
}

/** Answers each request with its own body, in parts where it came in parts. */
function echoes({ instance }: Way): void {
  const begun = new Set<number>();
  instance.onMessage = ({ kind, call, body, isEnd }) => {
    if (kind === KIND.ping) instance.say(KIND.pong, { body });
    if (kind !== KIND.request && kind !== KIND.requestBody) return;
    if (begun.has(call)) instance.say(KIND.responseBody, { call, body, isEnd });
    else instance.say(KIND.response, { call, status: 200, head: "content-type: text/plain\n", body, isEnd });
    begun.add(call);
  };
}

for (const [name, open] of [
  ["frames", byFrames],
  ["a ring", byRing],
] as const) {
  test(`by ${name}, bodies of every length come back as they went`, async () => {
    const way = await open();
    echoes(way);
    const lengths = [0, 1, 1_000, 16_384, 65_536, 300_000, 3_000_000];
    const calls = lengths.map((length) => begin(way.link, { method: "POST", body: Buffer.alloc(length, "abcdefg") }));
    for (const [index, length] of lengths.entries()) {
      const answer = await calls[index]!.answer;
      assert.equal(answer.status, 200);
      assert.ok(answer.body.equals(Buffer.alloc(length, "abcdefg")), `${length} bytes`);
    }
    assert.equal(await way.link.isHealthy(10_000), true);
    way.close();
  });

  test(`by ${name}, hundreds of calls at a time each get their own answer`, async () => {
    const way = await open();
    echoes(way);
    const calls = Array.from({ length: 500 }, (_none, index) => begin(way.link, { method: "POST", body: `call ${index}` }));
    const bodies = await Promise.all(calls.map(async ({ answer }) => (await answer).body.toString()));
    assert.deepEqual(
      bodies,
      calls.map((_call, index) => `call ${index}`),
    );
    way.close();
  });

  test(`by ${name}, an instance that never reads has bounded bytes waiting for it, and its calls can be given up`, async () => {
    const way = await open();
    way.instance.connection.pause();
    const calls = Array.from({ length: 300 }, () => begin(way.link, { method: "POST", body: Buffer.alloc(10_000) }));
    assert.equal(await way.link.isHealthy(1), false);
    for (const { abandon } of calls) abandon();
    assert.ok((await Promise.all(calls.map(({ ended }) => ended))).every(({ kind }) => kind === "failed"));
    way.close();
  });

  test(`by ${name}, what an instance said before it went is told, and then that it went`, async () => {
    const way = await open();
    const first = begin(way.link);
    const second = begin(way.link);
    way.instance.onMessage = ({ call }) => {
      if (call === 1) return;
      way.instance.say(KIND.response, { call: 1, status: 200, body: Buffer.from("last words"), isEnd: true });
      way.instance.go();
    };
    assert.equal((await first.answer).body.toString(), "last words");
    const end = await second.ended;
    assert.ok(end.kind === "failed" && end.isSpent);
    assert.equal(end.failure.code, "SANDBOX_LOST");
    assert.match(await way.broken, /its connection (?:ended|was closed)/);
    way.close();
  });

  test(`by ${name}, a slow client of an instance that has gone gets all of its answer`, async () => {
    const way = await open();
    const slow = begin(way.link, { isSlow: true });
    const part = Buffer.alloc(10_000, "z");
    way.instance.onMessage = () => {
      way.instance.say(KIND.response, { call: 1, status: 200, body: part });
      for (let count = 0; count < 40; count++) way.instance.say(KIND.responseBody, { call: 1, body: part });
      way.instance.say(KIND.responseBody, { call: 1, isEnd: true });
      way.instance.go();
    };
    let isOver = false;
    void slow.answer.then(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      slow.drain();
    }
    assert.equal((await slow.answer).body.length, 41 * part.length);
    await way.broken;
    way.close();
  });
}

test("bytes that wait for an instance that never reads are not more than the link's bound", async () => {
  const { ours, theirs } = await connected();
  theirs.pause();
  const link = openFrameLink(ours, { functionId: "fn" });
  for (let count = 0; count < 300; count++) {
    begin(link, { method: "POST", body: Buffer.alloc(10_000) });
    if (count % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(ours.writableLength > 0 && ours.writableLength <= BACKLOG_MAX_BYTES, `${ours.writableLength} bytes wait`);
  link.close("the test is over");
  theirs.destroy();
});

test("a ring that is broken is told as that, and its calls end", async () => {
  const way = await byRing();
  const call = begin(way.link);
  const { ours, theirs } = await connected();
  const ring = createRingFile({ capacityBytes: 4_096, hasCrc: false });
  assert.ok(ring.ok);
  const hostile = openRingFile(ring.value.path);
  assert.ok(hostile.ok);
  const link = openRingLink(ring.value, ours, { functionId: "fn" });
  const broken = watch(link);
  const victim = begin(link);
  const { producer } = hostile.value.processSide();
  const at = producer.reserve(16);
  producer.into.writeUInt32LE(0x7fff_ffff, at - 8);
  producer.commit();
  producer.into.writeUInt32LE(0x7fff_ffff, at - 8);
  theirs.write("!");
  assert.match(await broken, /it broke its ring: A message says 2147483647 bytes/);
  assert.equal((await victim.ended).kind, "failed");
  // Neither does one ring's end touch another's.
  echoes(way);
  way.instance.say(KIND.response, { call: 1, status: 204, isEnd: true });
  assert.equal((await call.answer).status, 204);
  way.close();
  hostile.value.close();
  ring.value.close();
  theirs.destroy();
});

test("a link outlives the memory of its ring", async () => {
  const { ours, theirs } = await connected();
  const ring = createRingFile({ capacityBytes: 4_096, hasCrc: false });
  assert.ok(ring.ok);
  const link = openRingLink(ring.value, ours, { functionId: "fn" });
  const first = begin(link);
  ring.value.close();
  const second = begin(link);
  theirs.write("!");
  await new Promise((resolve) => setImmediate(resolve));
  const broken = watch(link);
  theirs.end();
  await broken;
  assert.equal((await first.ended).kind, "failed");
  assert.equal((await second.ended).kind, "unsent");
  theirs.destroy();
});
