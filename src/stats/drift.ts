/**
 * Drift: are samples, in the order they were taken, independent and of one
 * level? Every interval and test of this folder assumes so. Lag-1
 * autocorrelation finds neighbours that resemble each other; the Mann-Kendall
 * trend test finds warm-up, throttling and leaks, whatever their shape.
 */
import { normalSurvival } from "./normal.ts";
import { median } from "./quantile.ts";
import { checkSamples, type Samples } from "./samples.ts";

export interface Drift {
  /** -1 to 1; null with too few samples, or when all are equal. */
  readonly autocorrelation: number | null;
  readonly trend: Trend | null;
  /** One sentence each; empty when there is nothing to say. */
  readonly notes: readonly string[];
}

export interface Trend {
  /** Kendall's tau-b with time, -1 to 1. */
  readonly tau: number;
  readonly p: number;
}

/** The normal approximations below are too rough for fewer. */
const SAMPLES_MIN = 10;
/** 1% two-sided: notes are read for every run, so they have to be rare in good ones. */
const NOTE_ALPHA = 0.01;
const NOTE_Z = 2.5758293035489;
/** A certain trend of less than this is not worth a sentence. */
const TREND_SHARE_MIN = 0.01;

export function driftNotes(values: Samples): Drift {
  if (checkSamples(values, SAMPLES_MIN, "drift") !== null) return { autocorrelation: null, trend: null, notes: [] };
  const autocorrelation = lagOneAutocorrelation(values);
  const trend = trendTest(values);
  const notes: string[] = [];
  if (autocorrelation !== null && autocorrelation > NOTE_Z / Math.sqrt(values.length)) {
    const independentCount = Math.max(1, Math.round((values.length * (1 - autocorrelation)) / (1 + autocorrelation)));
    notes.push(
      `neighbouring samples resemble each other (lag-1 autocorrelation ${autocorrelation.toFixed(2)}): the ${values.length} samples are worth about ${independentCount}, and intervals are too narrow`,
    );
  }
  const change = endToEndChange(values);
  if (trend !== null && trend.p < NOTE_ALPHA && Math.abs(change) >= TREND_SHARE_MIN) {
    notes.push(
      `the samples ${change > 0 ? "rise" : "fall"} by ${(Math.abs(change) * 100).toFixed(0)}% from the first third to the last: still warming up, throttled, or growing`,
    );
  }
  return { autocorrelation, trend, notes };
}

/** Null when all samples are equal. */
export function lagOneAutocorrelation(values: Samples): number | null {
  const samples = Float64Array.from(values);
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  let products = 0;
  let squares = 0;
  for (let i = 0; i < samples.length; i++) {
    const deviation = samples[i]! - mean;
    squares += deviation * deviation;
    if (i > 0) products += deviation * (samples[i - 1]! - mean);
  }
  return isConstant(samples) ? null : products / squares;
}

/** Kendall's tau-b of value and time with its normal approximation; null when all samples are equal. */
export function trendTest(values: Samples): Trend | null {
  const samples = Float64Array.from(values);
  const n = samples.length;
  if (isConstant(samples)) return null;
  const { score, tiedPairs, tieTerm } = kendall(samples);
  const pairs = (n * (n - 1)) / 2;
  const variance = (n * (n - 1) * (2 * n + 5) - tieTerm) / 18;
  return { tau: score / Math.sqrt(pairs * (pairs - tiedPairs)), p: Math.min(1, 2 * normalSurvival(Math.abs(score) / Math.sqrt(variance))) };
}

/** Pairs that rise less pairs that fall, counted in a Fenwick tree over the ranks. */
function kendall(samples: Float64Array): { score: number; tiedPairs: number; tieTerm: number } {
  const levels = [...new Set(samples.toSorted())];
  const levelOf = new Map(levels.map((value, index) => [value, index + 1]));
  const tree = new Uint32Array(levels.length + 1);
  const seenOf = new Uint32Array(levels.length + 1);
  let score = 0;
  for (const [seenCount, value] of samples.entries()) {
    const level = levelOf.get(value)!;
    let below = 0;
    for (let node = level - 1; node > 0; node -= node & -node) below += tree[node]!;
    score += below - (seenCount - below - seenOf[level]!);
    seenOf[level]!++;
    for (let node = level; node < tree.length; node += node & -node) tree[node]!++;
  }
  let tiedPairs = 0;
  let tieTerm = 0;
  for (const t of seenOf) {
    tiedPairs += (t * (t - 1)) / 2;
    tieTerm += t * (t - 1) * (2 * t + 5);
  }
  return { score, tiedPairs, tieTerm };
}

/** Of the median, from the first third of the samples to the last. */
function endToEndChange(values: Samples): number {
  const samples = Float64Array.from(values);
  const third = Math.floor(samples.length / 3);
  const first = median(samples.subarray(0, third));
  const last = median(samples.subarray(-third));
  return first === last ? 0 : (last - first) / Math.max(Math.abs(first), Math.abs(last));
}

function isConstant(samples: Float64Array): boolean {
  return samples.every((value) => value === samples[0]);
}
