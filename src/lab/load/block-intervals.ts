/**
 * How sure a quantile of one run is, by a bootstrap of whole seconds. Answers
 * that follow each other are alike (a stall hits hundreds at once), so an
 * interval that takes them for independent is far too narrow: what is drawn
 * anew is a block of neighbours (Kuensch, "The jackknife and the bootstrap for
 * general stationary observations", 1989). Pure; one seed, one interval.
 */
import { createRandom } from "../../stats/random.ts";
import type { LatencyInterval } from "./result.ts";
import type { ValueCounts } from "./value-counts.ts";

/** With fewer there is nothing to draw from: a single one makes up too much of every draw. */
export const BLOCKS_MIN = 10;
/** A longer run has longer blocks. */
const BLOCKS_MAX = 60;
const DRAW_COUNT = 1_000;
const CONFIDENCE = 0.95;

/** `seconds`: latency of the answers that came in each. None of a run that is too short. */
export function blockIntervals(seconds: readonly ValueCounts[], quantiles: readonly number[], seed: number): LatencyInterval[] {
  const blocks = blocksOf(seconds.filter(({ length }) => length > 0));
  if (blocks.length < BLOCKS_MIN) return [];
  const values = Float64Array.from(new Set(blocks.flatMap((block) => [...block.keys()]))).sort();
  const counts = blocks.map((block) => Float64Array.from(values, (value) => block.get(value) ?? 0));
  const random = createRandom(seed);
  const drawn = quantiles.map(() => new Float64Array(DRAW_COUNT));
  const sums = new Float64Array(values.length);
  for (let draw = 0; draw < DRAW_COUNT; draw++) {
    sums.fill(0);
    for (let part = 0; part < blocks.length; part++) {
      const block = counts[Math.floor(random() * blocks.length)]!;
      for (let at = 0; at < sums.length; at++) sums[at]! += block[at]!;
    }
    for (let at = 1; at < sums.length; at++) sums[at]! += sums[at - 1]!;
    for (const [index, quantile] of quantiles.entries()) drawn[index]![draw] = valueAt(values, sums, quantile);
  }
  const tail = (1 - CONFIDENCE) / 2;
  return quantiles.map((quantile, index) => {
    const sorted = drawn[index]!.sort();
    const at = (share: number) => sorted[Math.min(DRAW_COUNT - 1, Math.floor(share * DRAW_COUNT))]!;
    return { quantile, lowUs: at(tail), highUs: at(1 - tail), confidence: CONFIDENCE };
  });
}

/** Neighbouring seconds together, so that there are few enough. */
function blocksOf(seconds: readonly ValueCounts[]): Map<number, number>[] {
  const blockSeconds = Math.ceil(seconds.length / BLOCKS_MAX);
  const blocks: Map<number, number>[] = [];
  for (const [index, pairs] of seconds.entries()) {
    if (index % blockSeconds === 0) blocks.push(new Map());
    const block = blocks.at(-1)!;
    for (let at = 0; at < pairs.length; at += 2) block.set(pairs[at]!, (block.get(pairs[at]!) ?? 0) + pairs[at + 1]!);
  }
  return blocks;
}

/** The least value that the share has been reached at; `sums` count what lies at or below each. */
function valueAt(values: Float64Array, sums: Float64Array, quantile: number): number {
  const wanted = quantile * sums.at(-1)!;
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! >= wanted) high = middle;
    else low = middle + 1;
  }
  return values[low]!;
}
