/** Both sides of a ring with their doorbells, in one process: plain memory, and a pair of streams for the bytes. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { type Duplex, duplexPair } from "node:stream";
import { afterEach, test } from "node:test";
import { bytesOf, CAPACITY, ringMemory } from "../../../../test/support/ring-memory.ts";
import type { RingBroken } from "./ring-broken.ts";
import { RingConsumer } from "./ring-consumer.ts";
import { RingEnd } from "./ring-end.ts";
import { messageMaxBytesOf, WORD } from "./ring-layout.ts";
import { NO_ROOM, RingProducer } from "./ring-producer.ts";

const MAX = messageMaxBytesOf(CAPACITY);

interface Side {
  readonly end: RingEnd;
  readonly connection: Duplex;
  readonly received: Buffer[];
  readonly broken: RingBroken[];
  roomCount: number;
  /** Bytes of doorbells that came. */
  rungCount: number;
  onMessage: (message: Buffer) => void;
  onRoom: () => void;
  /** Resolves when that many messages came. */
  receives(count: number): Promise<void>;
}

const opened: RingEnd[] = [];
afterEach(() => {
  for (const end of opened.splice(0)) end.close();
});

function pair() {
  const memory = ringMemory();
  const { requests, answers } = memory;
  const [one, other] = duplexPair();
  return {
    ...memory,
    server: side({ producer: new RingProducer(requests), consumer: new RingConsumer(answers) }, one),
    child: side({ producer: new RingProducer(answers), consumer: new RingConsumer(requests) }, other),
  };
}

function side(ends: { producer: RingProducer; consumer: RingConsumer }, connection: Duplex): Side {
  const made: Side = {
    end: new RingEnd(ends, connection, {
      message: (message) => {
        made.received.push(message);
        made.onMessage(message);
      },
      room: () => {
        made.roomCount++;
        made.onRoom();
      },
      broken: (broken) => void made.broken.push(broken),
    }),
    connection,
    received: [],
    broken: [],
    roomCount: 0,
    rungCount: 0,
    onMessage: () => {},
    onRoom: () => {},
    receives: async (count) => {
      while (made.received.length < count) await turn();
    },
  };
  connection.on("data", (bytes: Buffer) => {
    made.rungCount += bytes.length;
  });
  opened.push(made.end);
  return made;
}

/** False: no room. */
function send({ end }: Side, message: Buffer): boolean {
  const at = end.reserve(message.length);
  if (at === NO_ROOM) return false;
  message.copy(end.into, at);
  end.commit();
  return true;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Until neither side has anything left to look at. */
async function untilAsleep({ words }: { words: Int32Array }, ...firstWords: number[]): Promise<void> {
  while (!firstWords.every((first) => Atomics.load(words, first + WORD.sleeping) === 1)) await turn();
}

test("a message to a side that sleeps wakes it with one byte", async () => {
  const { server, child, requests, answers } = pair();
  await untilAsleep(requests, requests.firstWord, answers.firstWord);
  assert.ok(send(server, Buffer.from("one")));
  await child.receives(1);
  assert.equal(child.rungCount, 1);
  assert.equal(server.rungCount, 0);
});

test("a side that sleeps again before the byte that woke it is known to be out is woken again", async () => {
  const { server, child, requests, answers } = pair();
  await untilAsleep(requests, requests.firstWord, answers.firstWord);
  // These streams hand a byte over within the write: the message is taken before `send` returns.
  for (const text of ["one", "two", "three"]) assert.ok(send(server, Buffer.from(text)));
  await child.receives(3);
  assert.deepEqual(child.received.map(String), ["one", "two", "three"]);
});

test("a message that was there before the side looked first is found without a byte", async () => {
  const { server, child } = pair();
  assert.ok(send(server, Buffer.from("early")));
  await child.receives(1);
  assert.deepEqual(child.received.map(String), ["early"]);
  assert.equal(child.rungCount, 0);
});

test("an idle pair has nothing scheduled", async () => {
  const { requests, answers, server, child } = pair();
  child.onMessage = (message) => void send(child, message);
  send(server, Buffer.from("once"));
  server.end.expect(1);
  server.onMessage = () => server.end.expect(0);
  await server.receives(1);
  await untilAsleep(requests, requests.firstWord, answers.firstWord);
  await turn();
  assert.ok(!process.getActiveResourcesInfo().includes("Immediate"));
});

test("who waits for an answer that never comes sleeps all the same", async () => {
  const { requests, answers, server } = pair();
  send(server, Buffer.from("no answer"));
  server.end.expect(1);
  await untilAsleep(answers, answers.firstWord);
  await turn();
  await untilAsleep(requests, requests.firstWord);
  await turn();
  assert.ok(!process.getActiveResourcesInfo().includes("Immediate"));
});

test("a pair that is always awake keeps nobody else from their turn", async () => {
  const { server, child } = pair();
  child.onMessage = (message) => void send(child, message);
  server.onMessage = (message) => void send(server, message);
  server.end.expect(1);
  child.end.expect(1);
  send(server, Buffer.from("back and forth"));
  for (let count = 0; count < 100; count++) await readFile(import.meta.filename);
  assert.ok(server.received.length > 0);
});

test("more than a ring holds goes through in order, with pauses where there is no room", async () => {
  const { server, child } = pair();
  const messages = Array.from({ length: 500 }, (_, at) => bytesOf((at * 37) % MAX, at));
  let sent = 0;
  const sendMore = (): void => {
    while (sent < messages.length && send(server, messages[sent]!)) sent++;
  };
  server.onRoom = sendMore;
  sendMore();
  assert.ok(sent < messages.length);
  await child.receives(messages.length);
  assert.deepEqual(child.received, messages);
  assert.ok(server.roomCount > 0);
});

test("a broken ring is told once, and nothing after it", async () => {
  const { server, child, requests } = pair();
  send(server, Buffer.from("fine"));
  await child.receives(1);
  Atomics.store(requests.words, requests.firstWord, 4);
  child.connection.emit("data", Buffer.of(1));
  while (child.broken.length === 0) await turn();
  assert.equal(child.broken[0]?.fault, "BAD_HEAD");
  assert.equal(child.end.reserve(1), NO_ROOM);
  send(server, Buffer.from("not heard"));
  await turn();
  await turn();
  assert.equal(child.broken.length, 1);
  assert.equal(child.received.length, 1);
});

test("a side that was closed within a message gets no further one", async () => {
  const { server, child } = pair();
  child.onMessage = () => child.end.close();
  for (const text of ["one", "two"]) send(server, Buffer.from(text));
  await child.receives(1);
  await turn();
  await turn();
  assert.deepEqual(child.received.map(String), ["one"]);
});

test("a side that says it sleeps again and again, and takes no byte, gets no more of them than fit on the way", async () => {
  const { server, requests } = pair();
  const written: number[] = [];
  const { connection } = server;
  // As a socket whose other end does not read: the first write never finishes.
  connection._write = (chunk: Buffer) => void written.push(chunk.length);
  for (let count = 0; count < 50; count++) {
    Atomics.store(requests.words, requests.firstWord + WORD.sleeping, 1);
    send(server, Buffer.of(1));
    await new Promise(setImmediate);
  }
  assert.equal(written.length, 1);
  assert.equal(connection.writableLength, 1);
});

test("a side that is rung for without end still takes messages and lets others have their turn", async () => {
  const { server, child } = pair();
  const ringing = setInterval(() => server.connection.write(Buffer.alloc(1_000)), 0);
  try {
    for (let count = 0; count < 20; count++) {
      send(server, bytesOf(10, count));
      await child.receives(count + 1);
    }
  } finally {
    clearInterval(ringing);
  }
  assert.equal(child.received.length, 20);
});
