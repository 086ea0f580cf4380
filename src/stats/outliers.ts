/**
 * Outliers are counted and named, never removed: a slow request is a result.
 * Tukey's fences on the quartiles, as Criterion uses them; for the first
 * sample, which tells of cold caches, the modified Z-score of Iglewicz and
 * Hoaglin (1993), as hyperfine does.
 */
import { median, quantile } from "./quantile.ts";
import { checkSamples, type Samples, sortedCopy } from "./samples.ts";

export interface OutlierNotes {
  /** Below or above 1.5 interquartile ranges from the quartiles. */
  readonly low: number;
  readonly high: number;
  /** Of these, beyond 3 interquartile ranges. */
  readonly severe: number;
  /** One sentence each; empty when there is nothing to say. */
  readonly notes: readonly string[];
}

export interface Fences {
  readonly severeLow: number;
  readonly low: number;
  readonly high: number;
  readonly severeHigh: number;
}

/** Quartiles of fewer samples say nothing about what is far away. */
const SAMPLES_MIN = 5;
const MILD_FACTOR = 1.5;
const SEVERE_FACTOR = 3;
const MODIFIED_Z_MAX = 3.5;
/** Normal data has 0.7% beyond the fences; of this share on, the intervals are worth a doubt. */
const NOTED_SHARE = 0.05;

export function outlierNotes(values: Samples): OutlierNotes {
  if (checkSamples(values, SAMPLES_MIN, "outliers") !== null) return { low: 0, high: 0, severe: 0, notes: [] };
  const sorted = sortedCopy(values);
  const fences = tukeyFences(sorted);
  const low = count(sorted, (value) => value < fences.low);
  const high = count(sorted, (value) => value > fences.high);
  const severe = count(sorted, (value) => value < fences.severeLow || value > fences.severeHigh);
  const notes: string[] = [];
  if (severe > 0 || (low + high) / sorted.length >= NOTED_SHARE) {
    notes.push(
      `${low + high} of ${sorted.length} samples are outliers (${low} low, ${high} high, ${severe} severe): something else ran, or the work differs`,
    );
  }
  const firstZ = modifiedZScores(values)[0]!;
  if (firstZ > MODIFIED_Z_MAX) notes.push("the first sample is far above the rest: caches or compiled code were cold; add a warm-up");
  return { low, high, severe, notes };
}

/** `sorted` ascends and is not empty. */
export function tukeyFences(sorted: Samples): Fences {
  const lower = quantile(sorted, 0.25);
  const upper = quantile(sorted, 0.75);
  const range = upper - lower;
  return {
    severeLow: lower - SEVERE_FACTOR * range,
    low: lower - MILD_FACTOR * range,
    high: upper + MILD_FACTOR * range,
    severeHigh: upper + SEVERE_FACTOR * range,
  };
}

/** Makes the median absolute deviation of normal data its standard deviation. */
const MAD_TO_DEVIATION = 1 / 0.6744897501960817;
/** The same for the mean absolute deviation: the square root of half pi. */
const MEAN_AD_TO_DEVIATION = Math.sqrt(Math.PI / 2);

/** In the order given; not empty. Where more than half of the samples are equal, the mean deviation is the scale. */
export function modifiedZScores(values: Samples): Float64Array {
  const centre = median(values);
  const deviations = Float64Array.from(values, (value) => Math.abs(value - centre));
  const meanDeviation = deviations.reduce((sum, value) => sum + value, 0) / deviations.length;
  const scale = median(deviations) * MAD_TO_DEVIATION || meanDeviation * MEAN_AD_TO_DEVIATION;
  return Float64Array.from(values, (value) => (scale === 0 ? 0 : (value - centre) / scale));
}

function count(values: Float64Array, isCounted: (value: number) => boolean): number {
  return values.reduce((sum, value) => sum + (isCounted(value) ? 1 : 0), 0);
}
