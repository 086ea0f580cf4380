/** A ring in plain memory: both ends of one process, no mapping, for tests of what the ends do. */
import { RingConsumer } from "../../src/engines/process/ring/ring-consumer.ts";
import {
  directionsOf,
  fileBytesOf,
  type RingDirection,
  type RingShape,
  WORD,
  writeHeader,
} from "../../src/engines/process/ring/ring-layout.ts";
import { RingProducer } from "../../src/engines/process/ring/ring-producer.ts";

export const CAPACITY = 4_096;

export interface OneWay {
  readonly direction: RingDirection;
  readonly producer: RingProducer;
  readonly consumer: RingConsumer;
  /** What a hostile side would do to the words and to the data. */
  poke(word: keyof typeof WORD, value: number): void;
  pokeData(at: number, value: number): void;
}

/** `startAt`: what both counters stand at, as after so many bytes. */
export function oneWay({ hasCrc = false, startAt = 0, capacityBytes = CAPACITY } = {}): OneWay {
  const { requests } = ringMemory({ hasCrc, capacityBytes });
  for (const word of [WORD.head, WORD.tail]) requests.words[requests.firstWord + word] = startAt;
  const { data, words, firstWord } = requests;
  return {
    direction: requests,
    producer: new RingProducer(requests, startAt),
    consumer: new RingConsumer(requests, startAt),
    poke: (word, value) => void Atomics.store(words, firstWord + WORD[word], value | 0),
    pokeData: (at, value) => void data.writeUInt32LE(value >>> 0, at),
  };
}

/** Both directions of a ring in plain memory, or in `memory`. */
export function ringMemory({ hasCrc = false, capacityBytes = CAPACITY }: Partial<RingShape> = {}, memory?: ArrayBuffer) {
  const shape = { hasCrc, capacityBytes };
  memory ??= new ArrayBuffer(fileBytesOf(shape));
  writeHeader(Buffer.from(memory), shape);
  return { memory, ...directionsOf(memory, shape) };
}

/** So many bytes that differ from those of another seed. */
export function bytesOf(count: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(count);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
