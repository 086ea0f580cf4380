/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey), seeded by splitmix32.
 * The same seed gives the same numbers on every machine and version, so that
 * a run or an interval can be repeated. Must not be used for secrets.
 */
import { assert } from "../base/assert.ts";

const TWO_POW_32 = 2 ** 32;
/** sfc32's own advice: the first outputs still show the seed. */
const DISCARDED_COUNT = 12;

/** Numbers in [0, 1), 32 random bits each. The seed is any safe integer. */
export function createRandom(seed: number): () => number {
  assert(Number.isSafeInteger(seed), `a seed is a safe integer, not ${seed}`);
  // Low half here, high half below: no two seeds give one state.
  let mixed = seed | 0;
  const nextWord = () => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return word ^ (word >>> 15);
  };
  let a = nextWord();
  mixed ^= Math.floor(seed / TWO_POW_32);
  let b = nextWord();
  let c = nextWord();
  let counter = 1;
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / TWO_POW_32;
  };
  for (let discarded = 0; discarded < DISCARDED_COUNT; discarded++) next();
  return next;
}
