/** Both ends of one direction, honest: whatever is written is read, whole, once, in order. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../../test/support/properties.ts";
import { bytesOf, CAPACITY, oneWay } from "../../../../test/support/ring-memory.ts";
import { RingBroken } from "./ring-broken.ts";
import { entryBytesOf, messageMaxBytesOf } from "./ring-layout.ts";
import { NO_ROOM } from "./ring-producer.ts";

const MAX = messageMaxBytesOf(CAPACITY);

function bytesRead(read: Buffer | RingBroken | null): Buffer | null {
  if (read instanceof RingBroken) assert.fail(read.message);
  return read;
}

test("an entry lies in memory as the protocol says", () => {
  const { direction, producer } = oneWay({ hasCrc: true });
  direction.data.fill(0xee);
  assert.ok(producer.write(Buffer.from("123456789")));
  assert.equal(direction.words[direction.firstWord], 24);
  assert.equal(direction.data.readUInt32LE(0), 9);
  assert.equal(direction.data.readUInt32LE(4), 0xcbf4_3926);
  assert.equal(direction.data.toString("latin1", 8, 24), "123456789\0\0\0\0\0\0\0");
});

test("without the flag an entry's CRC is zero", () => {
  const { direction, producer } = oneWay();
  direction.data.fill(0xee);
  producer.write(Buffer.from("123456789"));
  assert.equal(direction.data.readUInt32LE(4), 0);
});

test("an entry that does not fit before the end begins at the beginning, behind a mark", () => {
  const { direction, producer, consumer } = oneWay({ startAt: CAPACITY - 16 });
  assert.ok(producer.write(bytesOf(9, 1)));
  assert.equal(direction.data.readUInt32LE(CAPACITY - 16), 0xffff_ffff);
  assert.equal(direction.data.readUInt32LE(0), 9);
  assert.deepEqual(bytesRead(consumer.read()), bytesOf(9, 1));
});

test("an entry that just fits before the end is not moved", () => {
  const { direction, producer } = oneWay({ startAt: CAPACITY - 16 });
  producer.write(bytesOf(8, 1));
  assert.equal(direction.data.readUInt32LE(CAPACITY - 16), 8);
});

test("the longest message finds room in an empty ring wherever it stands", () => {
  for (let startAt = 0; startAt < CAPACITY; startAt += 8) {
    const { producer, consumer } = oneWay({ startAt });
    assert.ok(producer.write(bytesOf(MAX, startAt)), `at ${startAt}`);
    assert.deepEqual(bytesRead(consumer.read()), bytesOf(MAX, startAt));
  }
});

test("a mark that is published alone is skipped when it comes, and its room given back", () => {
  const { producer, consumer, poke, pokeData, direction } = oneWay({ startAt: CAPACITY - 64 });
  pokeData(CAPACITY - 64, 0xffff_ffff);
  poke("head", CAPACITY);
  assert.equal(consumer.read(), null);
  assert.equal(direction.words[direction.firstWord + 32], CAPACITY);
  assert.equal(producer.broken, null);
  pokeData(0, 0);
  poke("head", CAPACITY + 8);
  assert.equal(bytesRead(consumer.read())?.length, 0);
});

test("a reserved message is not there before it is committed, and is forgotten by the next reserve", () => {
  const { producer, consumer } = oneWay();
  producer.into.write("first", producer.reserve(5));
  assert.equal(consumer.read(), null);
  producer.into.write("second", producer.reserve(6));
  producer.commit();
  assert.equal(String(consumer.read()), "second");
  assert.equal(consumer.read(), null);
});

test("a view is the ring's own memory, there again until it is released", () => {
  const { direction, producer, consumer } = oneWay({ hasCrc: true });
  producer.write(Buffer.from("viewed"));
  const view = bytesRead(consumer.view())!;
  assert.equal(view.buffer, direction.data.buffer);
  assert.equal(String(consumer.view()), "viewed");
  consumer.release();
  assert.equal(consumer.view(), null);
});

test("what was read by copy stays when its room is written again", () => {
  const { producer, consumer } = oneWay();
  producer.write(bytesOf(MAX, 1));
  const kept = bytesRead(consumer.read())!;
  for (let at = 2; at < 8; at++) {
    assert.ok(producer.write(bytesOf(MAX, at)));
    consumer.read();
  }
  assert.deepEqual(kept, bytesOf(MAX, 1));
});

test("what was taken is the consumer's own, whatever becomes of the ring, until the next is", () => {
  const { direction, producer, consumer } = oneWay({ hasCrc: true });
  for (const bytes of [MAX, 10, 10, 0, MAX, 100]) {
    assert.ok(producer.write(bytesOf(bytes, bytes)));
    const taken = bytesRead(consumer.take());
    direction.data.fill(0xdd);
    assert.deepEqual(taken, bytesOf(bytes, bytes));
  }
});

test("a full ring refuses, and takes again when something was read", () => {
  const { producer, consumer } = oneWay();
  let written = 0;
  while (producer.write(bytesOf(100, written))) written++;
  assert.equal(written, Math.floor(CAPACITY / entryBytesOf(100)));
  assert.equal(producer.broken, null);
  bytesRead(consumer.read());
  bytesRead(consumer.read());
  assert.ok(producer.write(bytesOf(100, written)));
});

test("a consumer that falls asleep is rung for once; one that was overtaken stays awake", () => {
  const { producer, consumer } = oneWay();
  assert.equal(consumer.fallAsleep(), true);
  producer.write(Buffer.of(1));
  assert.equal(producer.isConsumerAsleep(), true);
  assert.equal(producer.isConsumerAsleep(), false);
  assert.equal(consumer.fallAsleep(), false);
  assert.equal(producer.isConsumerAsleep(), false);
});

test("a producer that waits for room is rung for until it has some", () => {
  const { producer, consumer } = oneWay();
  while (producer.write(bytesOf(1_000, 1)));
  assert.equal(consumer.isProducerWaiting(), false);
  assert.equal(producer.waitForRoom(1_000), true);
  assert.equal(consumer.isProducerWaiting(), true);
  consumer.read();
  consumer.read();
  assert.equal(producer.waitForRoom(1_000), false);
  assert.equal(consumer.isProducerWaiting(), false);
});

/** What the two sides do, in any order that two sides can do it. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("write" as const), bytes: fc.oneof(fc.nat(64), fc.nat(MAX), fc.constant(MAX)) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("read" as const, "take" as const, "view" as const) }) },
);

for (const hasCrc of [false, true]) {
  test(`whatever is written is read, whole, once, in order, ${hasCrc ? "with" : "without"} sums`, () => {
    // Around 2^31 and 2^32 the counters change sign and begin anew.
    const startAt = fc.constantFrom(0, CAPACITY - 8, 2 ** 31 - CAPACITY, 2 ** 32 - CAPACITY, 2 ** 32 - 8);
    fc.assert(
      fc.property(startAt, fc.array(step, { maxLength: 200 }), (start, steps) => {
        const { producer, consumer } = oneWay({ hasCrc, startAt: start });
        const inside: Buffer[] = [];
        let seed = 0;
        for (const one of steps) {
          if (one.kind === "write") {
            const message = bytesOf(one.bytes, seed++);
            if (producer.write(message)) inside.push(message);
            else assert.ok(inside.length > 0, "an empty ring refused a message");
          } else {
            const message = bytesRead(consumer[one.kind]());
            assert.deepEqual(message, inside.shift() ?? null);
            if (one.kind === "view" && message !== null) consumer.release();
          }
        }
        for (const message of inside) assert.deepEqual(bytesRead(consumer.read()), message);
        assert.equal(consumer.read(), null);
        assert.equal(producer.broken, null);
      }),
    );
  });
}

test("a message that is longer than any ring takes is our own mistake", () => {
  const { producer } = oneWay();
  assert.throws(() => producer.reserve(MAX + 1), /does not fit its ring/);
  assert.throws(() => producer.commit(), /nothing was reserved/);
  assert.notEqual(producer.reserve(MAX), NO_ROOM);
});
