/**
 * The binomial distribution: how many of n samples lie below a quantile.
 * Point probabilities by Loader's saddle-point expansion ("Fast and accurate
 * computation of binomial probabilities", 2000), because a difference of
 * log-gammas loses half of its digits at n = 1,000,000.
 */
import { assert } from "../base/assert.ts";

/** P(X = k). */
export function binomialPmf(k: number, n: number, p: number): number {
  assert(Number.isInteger(k) && Number.isInteger(n) && n > 0 && p > 0 && p < 1, `no binomial(${n}, ${p}) at ${k}`);
  if (k < 0 || k > n) return 0;
  if (k === 0) return Math.exp(n * Math.log1p(-p));
  if (k === n) return Math.exp(n * Math.log(p));
  const exponent = stirlingError(n) - stirlingError(k) - stirlingError(n - k) - deviance(k, n * p) - deviance(n - k, n * (1 - p));
  return Math.exp(exponent) * Math.sqrt(n / (2 * Math.PI * k * (n - k)));
}

/** P(X <= k). */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0;
  if (k >= n) return 1;
  // Each sum runs away from the mean, where terms fall: it is short and adds no cancelling.
  return k < n * p ? Math.min(1, sumBelow(k, n, p)) : Math.max(0, 1 - sumBelow(n - k - 1, n, 1 - p));
}

/** As R's qbinom: what equals the probability but for rounding has reached it. */
const REACHED = 1 - 64 * Number.EPSILON;

/** The least k with P(X <= k) >= probability. */
export function binomialQuantile(probability: number, n: number, p: number): number {
  assert(probability > 0 && probability < 1, `a probability lies between 0 and 1, not at ${probability}`);
  let low = 0;
  let high = n;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (binomialCdf(middle, n, p) >= probability * REACHED) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sumBelow(k: number, n: number, p: number): number {
  let term = binomialPmf(k, n, p);
  let sum = term;
  for (let i = k; i > 0 && term > sum * Number.EPSILON; i--) {
    term *= (i * (1 - p)) / ((n - i + 1) * p);
    sum += term;
  }
  return sum;
}

const FACTORIAL_STIRLING_MAX = 15;
const HALF_LOG_TWO_PI = 0.9189385332046727;

/** log(n!) less Stirling's formula. */
function stirlingError(n: number): number {
  if (n <= FACTORIAL_STIRLING_MAX) {
    let factorial = 1;
    for (let i = 2; i <= n; i++) factorial *= i;
    return Math.log(factorial) - (n + 0.5) * Math.log(n) + n - HALF_LOG_TWO_PI;
  }
  const square = n * n;
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n;
}

/** x log(x / mean) + mean - x, without cancelling where x is near the mean. */
function deviance(x: number, mean: number): number {
  const difference = x - mean;
  if (Math.abs(difference) >= 0.1 * (x + mean)) return x * Math.log(x / mean) - difference;
  const v = difference / (x + mean);
  let sum = difference * v;
  let power = 2 * x * v;
  for (let j = 1; ; j++) {
    power *= v * v;
    const next = sum + power / (2 * j + 1);
    if (next === sum) return sum;
    sum = next;
  }
}
