/**
 * Adaptive stopping: enough samples are there when the interval of the median
 * is as narrow as was asked for. It looks at the width alone, never at a
 * p-value or at which side leads: stopping on those finds a difference between
 * equals sooner or later.
 */
import { assert } from "../base/assert.ts";
import { median } from "./quantile.ts";
import { DEFAULT_CONFIDENCE, quantileInterval, samplesForQuantile } from "./quantile-interval.ts";
import { checkPositive, type Samples, sortedCopy } from "./samples.ts";

export interface StoppingRule {
  /** The whole width of the interval over the median: 0.02 is about ±1%. */
  readonly relativeWidth: number;
  readonly confidence?: number;
  readonly minimumCount: number;
}

export interface Precision {
  readonly enough: boolean;
  /** Null while there are too few samples for an interval, or some that are not above zero. */
  readonly relativeWidth: number | null;
  /** In all, not in addition; an estimate: widths fall with the square root of the count. */
  readonly neededCount: number;
}

/** More is not asked for at once: the estimate from few samples is rough. */
const GROWTH_MAX = 10;

export function isPreciseEnough(values: Samples, rule: StoppingRule): Precision {
  const { relativeWidth: target, confidence = DEFAULT_CONFIDENCE } = rule;
  assert(target > 0, `a relative width is above zero, not ${target}`);
  const leastCount = Math.max(rule.minimumCount, samplesForQuantile(0.5, confidence));
  if (checkPositive(values, 1, "the precision") !== null) return { enough: false, relativeWidth: null, neededCount: leastCount };
  const interval = quantileInterval(sortedCopy(values), 0.5, confidence);
  if (!interval.ok) return { enough: false, relativeWidth: null, neededCount: leastCount };
  const relativeWidth = (interval.value.high - interval.value.low) / median(values);
  const count = values.length;
  if (relativeWidth <= target) return { enough: count >= leastCount, relativeWidth, neededCount: Math.max(count, leastCount) };
  const growth = Math.min(GROWTH_MAX, (relativeWidth / target) ** 2);
  return { enough: false, relativeWidth, neededCount: Math.max(leastCount, Math.ceil(count * growth)) };
}
