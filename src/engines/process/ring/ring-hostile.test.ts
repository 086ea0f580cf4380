/** The other side writes what it likes into the memory: an end says that its ring is broken, and does nothing worse. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "../../../../test/support/properties.ts";
import { bytesOf, CAPACITY, type OneWay, oneWay, ringMemory } from "../../../../test/support/ring-memory.ts";
import { RingBroken, type RingFault } from "./ring-broken.ts";
import { RingConsumer } from "./ring-consumer.ts";
import { ANSWER_WORDS, fileBytesOf, messageMaxBytesOf, REQUEST_WORDS, WORD } from "./ring-layout.ts";
import { NO_ROOM, RingProducer } from "./ring-producer.ts";

const MAX = messageMaxBytesOf(CAPACITY);

const WAYS = ["read", "take", "view"] as const;

interface Attack {
  readonly what: string;
  readonly fault: RingFault;
  /** Where the counters stand before. */
  readonly startAt?: number;
  readonly hasCrc?: boolean;
  /** On a ring that holds two messages of 100 bytes, or none. */
  readonly isEmpty?: boolean;
  readonly attack: (way: OneWay) => void;
}

const ON_CONSUMERS: readonly Attack[] = [
  { what: "a head beyond the ring", fault: "BAD_HEAD", attack: ({ poke }) => poke("head", CAPACITY + 8) },
  { what: "a head half the numbers away", fault: "BAD_HEAD", attack: ({ poke }) => poke("head", 2 ** 31) },
  { what: "a head behind the tail", fault: "BAD_HEAD", isEmpty: true, startAt: 800, attack: ({ poke }) => poke("head", 792) },
  { what: "a head between entries", fault: "BAD_HEAD", attack: ({ poke }) => poke("head", 225) },
  {
    what: "a head that goes back",
    fault: "BAD_HEAD",
    attack: ({ consumer, poke }) => [consumer.read(), consumer.read(), poke("head", 112)],
  },
  { what: "a length beyond the head", fault: "BAD_LENGTH", attack: ({ pokeData }) => pokeData(0, 217) },
  {
    what: "a length of more than half a ring",
    fault: "BAD_LENGTH",
    attack: ({ pokeData, poke }) => [pokeData(0, MAX + 1), poke("head", CAPACITY)],
  },
  { what: "the greatest length that is no mark", fault: "BAD_LENGTH", attack: ({ pokeData }) => pokeData(0, 0xffff_fffe) },
  { what: "a length with a sign", fault: "BAD_LENGTH", attack: ({ pokeData }) => pokeData(0, 0x8000_0000) },
  {
    what: "a message that passes the end of the data",
    fault: "BAD_LENGTH",
    isEmpty: true,
    startAt: CAPACITY - 64,
    attack: ({ pokeData, poke }) => [pokeData(CAPACITY - 64, 64), poke("head", CAPACITY + 64)],
  },
  { what: "a mark at the beginning", fault: "BAD_SKIP", attack: ({ pokeData }) => pokeData(0, 0xffff_ffff) },
  {
    what: "a mark that skips more than is published",
    fault: "BAD_SKIP",
    isEmpty: true,
    startAt: 64,
    attack: ({ pokeData, poke }) => [pokeData(64, 0xffff_ffff), poke("head", 128)],
  },
  {
    what: "marks without end",
    fault: "BAD_SKIP",
    isEmpty: true,
    startAt: CAPACITY - 64,
    attack: ({ pokeData, poke }) => [pokeData(CAPACITY - 64, 0xffff_ffff), pokeData(0, 0xffff_ffff), poke("head", 2 * CAPACITY - 64)],
  },
  { what: "another CRC", fault: "BAD_CRC", hasCrc: true, attack: ({ pokeData }) => pokeData(4, 1) },
  {
    what: "a half-written message under a whole one's sum",
    fault: "BAD_CRC",
    hasCrc: true,
    attack: ({ direction }) => direction.data.fill(0, 58, 108),
  },
];

for (const { what, fault, startAt = 0, hasCrc = false, isEmpty = false, attack } of ON_CONSUMERS) {
  for (const way of WAYS) {
    test(`${what} breaks the ring for who would ${way}, for good`, () => {
      const ring = oneWay({ startAt, hasCrc });
      if (!isEmpty) assert.ok(ring.producer.write(bytesOf(100, 1)) && ring.producer.write(bytesOf(100, 2)));
      attack(ring);
      const broken = ring.consumer[way]();
      assert.ok(broken instanceof RingBroken);
      assert.equal(broken.fault, fault);
      assert.notEqual(broken.message, "");
      assert.equal(ring.consumer[way](), broken);
      assert.equal(ring.consumer.fallAsleep(), false);
    });
  }
}

const ON_PRODUCERS: readonly (readonly [string, number])[] = [
  ["a tail beyond the head", CAPACITY + 8],
  ["a tail that goes back", -8],
  ["a tail between entries", 4],
  ["a tail half the numbers away", 2 ** 31],
];

for (const [what, tail] of ON_PRODUCERS) {
  test(`${what} breaks the ring for who would write, for good`, () => {
    const { producer, poke } = oneWay();
    for (let count = 0; count < 10; count++) assert.ok(producer.write(bytesOf(92, count)));
    poke("tail", tail);
    // What is known to be free may be used; the look for more finds it.
    while (producer.write(bytesOf(92, 1)));
    assert.equal(producer.broken?.fault, "BAD_TAIL");
    assert.equal(producer.reserve(0), NO_ROOM);
  });
}

test("another CRC is no matter where entries carry none", () => {
  const { producer, consumer, pokeData } = oneWay();
  producer.write(bytesOf(100, 1));
  pokeData(4, 77);
  assert.deepEqual(consumer.read(), bytesOf(100, 1));
});

const FUZZ_ROUNDS = 10_000;
/** What a look may take at most: a ring of empty messages, and the look that finds nothing. */
const MESSAGES_MAX = CAPACITY / 8 + 1;

/** Words that break more than noise does. */
const NASTY = [0, 1, 7, 8, -1, -2, -8, 0x7fff_ffff, -0x8000_0000, CAPACITY, CAPACITY - 8, CAPACITY + 8, MAX, MAX + 1];

test("10,000 rounds of anything in all of the mapping end with messages or a broken ring", () => {
  const wordCount = fileBytesOf({ capacityBytes: CAPACITY, hasCrc: false }) / 4;
  const important = [REQUEST_WORDS, ANSWER_WORDS].flatMap((first) => Object.values(WORD).map((word) => first + word));
  const place = fc.oneof(fc.constantFrom(...important), fc.nat(wordCount - 1), fc.integer({ min: 1_024, max: 1_056 }));
  const value = fc.oneof(
    fc.constantFrom(...NASTY),
    fc.integer(),
    fc.nat(CAPACITY / 8).map((count) => count * 8),
  );
  const action = fc.oneof(
    fc.record({ kind: fc.constant("poke" as const), place, value }),
    fc.record({ kind: fc.constant("write" as const), bytes: fc.nat(MAX) }),
    fc.constant({ kind: "take" as const }),
    fc.constant({ kind: "sleep" as const }),
  );
  let brokenCount = 0;
  fc.assert(
    fc.property(fc.boolean(), fc.array(action, { minLength: 2, maxLength: 12 }), (hasCrc, actions) => {
      const { memory, requests, answers } = ringMemory({ hasCrc });
      const all = new Int32Array(memory);
      const producer = new RingProducer(requests);
      const peer = new RingProducer(answers);
      const consumer = new RingConsumer(answers);
      for (const one of actions) {
        if (one.kind === "poke") all[one.place] = one.value;
        else if (one.kind === "write") {
          peer.write(bytesOf(one.bytes, 1));
          const at = producer.reserve(one.bytes);
          if (at === NO_ROOM) continue;
          assert.ok(at >= 8 && at + one.bytes <= CAPACITY, "room outside the ring");
          producer.commit();
        } else if (one.kind === "sleep") consumer.fallAsleep();
        else if (takeAll(consumer) instanceof RingBroken) brokenCount++;
      }
    }),
    { numRuns: FUZZ_ROUNDS },
  );
  assert.ok(brokenCount > FUZZ_ROUNDS / 100, `only ${brokenCount} rounds broke a ring: this tries nothing`);
});

function takeAll(consumer: RingConsumer): RingBroken | null {
  for (let count = 0; count <= MESSAGES_MAX; count++) {
    const message = consumer[WAYS[count % WAYS.length]!]();
    if (message === null || message instanceof RingBroken) return message;
    assert.ok(message.length <= MAX);
    consumer.release();
  }
  assert.fail("more messages than a ring can hold");
}

test("memory that changes while it is read ends with messages or a broken ring", async () => {
  const memory = new SharedArrayBuffer(fileBytesOf({ capacityBytes: CAPACITY, hasCrc: false }));
  const scribbler = new Worker(SCRIBBLER, { eval: true, workerData: { memory, nasty: NASTY, wordCount: CAPACITY / 4 } });
  try {
    await new Promise((resolve) => scribbler.once("message", resolve));
    let taken = 0;
    for (let round = 0; round < FUZZ_ROUNDS; round++) {
      const { answers } = ringMemory({ hasCrc: round % 2 === 0 }, memory as unknown as ArrayBuffer);
      const consumer = new RingConsumer(answers);
      Atomics.store(answers.words, answers.firstWord, CAPACITY);
      for (let look = 0; look < 20; look++) {
        const message = consumer[WAYS[look % WAYS.length]!]();
        if (message === null || message instanceof RingBroken) break;
        assert.ok(message.length <= MAX);
        taken++;
        consumer.release();
      }
    }
    assert.ok(taken > 0, "nothing was ever taken: this tries nothing");
  } finally {
    await scribbler.terminate();
  }
});

/** Lengths, marks and sums of the answers' data, as fast as it can. */
const SCRIBBLER = `
const { parentPort, workerData: { memory, nasty, wordCount } } = require("node:worker_threads");
const words = new Int32Array(memory, 4096 + ${CAPACITY}, wordCount);
parentPort.postMessage(null);
for (let turn = 0; ; turn++) {
  const at = Math.random() < 0.5 ? 0 : Math.floor(Math.random() * wordCount);
  Atomics.store(words, at, Math.random() < 0.5 ? nasty[turn % nasty.length] : Math.floor(Math.random() * 128));
}`;
