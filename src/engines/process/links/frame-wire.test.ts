/** Frames on a pair of streams, one of which is the instance's. */
import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import test from "node:test";
import fc from "../../../../test/support/properties.ts";
import { BACKLOG_MAX_BYTES, FrameWire, MESSAGE_MAX_BYTES } from "./frame-wire.ts";
import { HEADER_BYTES } from "./messages.ts";

interface Pair {
  readonly wire: FrameWire;
  readonly instance: Duplex;
  readonly told: Buffer[];
  readonly lost: string[];
  roomCount: number;
  onTold: () => void;
}

function pair(): Pair {
  const [ours, instance] = duplexPair();
  const wire = new FrameWire(ours);
  const made: Pair = { wire, instance, told: [], lost: [], roomCount: 0, onTold: () => {} };
  wire.receiver = {
    onMessage(buffer, at, bytes) {
      made.told.push(buffer.subarray(at, at + bytes));
      made.onTold();
    },
    onRoom: () => made.roomCount++,
    onLost: (why) => made.lost.push(why),
  };
  return made;
}

function frame(message: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(message.length);
  return Buffer.concat([length, message]);
}

function send({ wire }: Pair, message: Buffer): boolean {
  const at = wire.reserve(message.length);
  if (at === -1) return false;
  message.copy(wire.buffer, at);
  wire.publish();
  return true;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const MESSAGE = fc.uint8Array({ minLength: HEADER_BYTES, maxLength: 200 }).map((bytes) => Buffer.from(bytes));

test("messages arrive whole and in order, however the bytes come apart", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(MESSAGE, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 60 })), async (messages, cuts) => {
      const made = pair();
      let bytes = Buffer.concat(messages.map(frame));
      for (const cut of cuts) {
        made.instance.write(bytes.subarray(0, cut));
        bytes = bytes.subarray(cut);
        await new Promise((resolve) => process.nextTick(resolve));
      }
      if (bytes.length > 0) made.instance.write(bytes);
      await settled();
      assert.deepEqual(made.told, messages);
      assert.deepEqual(made.lost, []);
    }),
  );
});

test("what is sent in one turn leaves in one write, each message behind its length", async () => {
  const made = pair();
  const chunks: Buffer[] = [];
  made.instance.on("data", (chunk: Buffer) => chunks.push(chunk));
  const messages = [20, 16, 300].map((bytes) => Buffer.alloc(bytes, bytes));
  for (const message of messages) send(made, message);
  await settled();
  assert.deepEqual(chunks, [Buffer.concat(messages.map(frame))]);
});

test("the longest message goes through, both ways", async () => {
  const made = pair();
  const chunks: Buffer[] = [];
  made.instance.on("data", (chunk: Buffer) => chunks.push(chunk));
  const message = Buffer.alloc(MESSAGE_MAX_BYTES, 7);
  assert.ok(send(made, message));
  made.instance.write(frame(message));
  await settled();
  assert.ok(Buffer.concat(chunks).equals(frame(message)));
  assert.ok(made.told[0]!.equals(message));
});

test("an instance that takes nothing has a bounded number of bytes waiting for it, and room is told of when it does", async () => {
  const made = pair();
  const message = Buffer.alloc(10_000);
  let sentCount = 0;
  for (; send(made, message); sentCount++) await settled();
  // The other end of the pair holds some, as a socket of the kernel does.
  assert.ok(sentCount * 10_004 <= BACKLOG_MAX_BYTES + made.instance.readableHighWaterMark + 10_004);
  assert.ok((sentCount + 2) * 10_004 > BACKLOG_MAX_BYTES);
  await settled();
  assert.equal(made.roomCount, 0);
  made.instance.resume();
  await settled();
  assert.equal(made.roomCount, 1);
  assert.ok(send(made, message));
});

test("a message longer than all that may wait is sent when nothing waits", async () => {
  const made = pair();
  assert.ok(send(made, Buffer.alloc(HEADER_BYTES)));
  assert.equal(send(made, Buffer.alloc(MESSAGE_MAX_BYTES)), false);
  made.instance.resume();
  await settled();
  assert.equal(made.roomCount, 1);
  assert.ok(send(made, Buffer.alloc(MESSAGE_MAX_BYTES)));
});

test("a frame of an impossible length ends the connection before a byte of it is waited for", async () => {
  for (const bytes of [0, 15, MESSAGE_MAX_BYTES + 1, 0xffff_ffff]) {
    for (const isCut of [false, true]) {
      const made = pair();
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes);
      if (isCut) {
        made.instance.write(length.subarray(0, 3));
        await settled();
        made.instance.write(length.subarray(3));
      } else {
        made.instance.write(length);
      }
      await settled();
      assert.deepEqual(made.lost, [`it broke the protocol: a frame of ${bytes} bytes, where 16 to 1048576 are possible`]);
      assert.deepEqual(made.told, []);
    }
  }
});

test("half a frame and then silence is nothing yet; the end behind it is told as what it is", async () => {
  const made = pair();
  made.instance.write(frame(Buffer.alloc(100)).subarray(0, 50));
  await settled();
  assert.deepEqual([made.told, made.lost], [[], []]);
  made.instance.end();
  await settled();
  assert.deepEqual(made.lost, ["its connection ended within a message"]);
});

test("the end of the connection is told once, behind what came before it", async () => {
  const made = pair();
  made.instance.end(frame(Buffer.alloc(16)));
  await settled();
  assert.equal(made.told.length, 1);
  assert.deepEqual(made.lost, ["its connection ended"]);
  const broken = pair();
  broken.instance.destroy();
  await settled();
  assert.equal(broken.lost.length, 1);
});

test("while it is paused nothing is told, also of what had come with the same bytes, and nothing is lost", async () => {
  const made = pair();
  const messages = [1, 2, 3, 4].map((value) => Buffer.alloc(16, value));
  made.onTold = () => made.wire.pause();
  made.instance.write(Buffer.concat(messages.slice(0, 3).map(frame)));
  await settled();
  made.instance.end(frame(messages[3]!));
  await settled();
  assert.equal(made.told.length, 1);
  for (let count = 2; count <= 4; count++) {
    made.wire.resume();
    assert.equal(made.told.length, count - 1, "told within the call");
    await settled();
    assert.deepEqual(made.told, messages.slice(0, count));
    assert.deepEqual(made.lost, []);
  }
  made.wire.resume();
  await settled();
  assert.deepEqual(made.lost, ["its connection ended"]);
});

test("nothing is told behind the close, and nothing sent", async () => {
  const made = pair();
  made.onTold = () => made.wire.close();
  made.instance.write(Buffer.concat([frame(Buffer.alloc(16)), frame(Buffer.alloc(16))]));
  await settled();
  assert.equal(made.told.length, 1);
  made.instance.end();
  made.wire.resume();
  made.wire.close();
  await settled();
  assert.deepEqual([made.told.length, made.lost], [1, []]);
});
