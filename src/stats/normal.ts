/**
 * The upper tail of the normal distribution, for p-values: relative precision
 * near 1e-13 out to where a double ends, because 1 - cdf would be zero at z = 9.
 */

/** From here on the continued fraction converges fast; below, the series loses no digits. */
const SERIES_MAX = 3;
const FRACTION_DEPTH = 120;

/** P(Z > z). */
export function normalSurvival(z: number): number {
  if (z < 0) return 1 - normalSurvival(-z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  if (z < SERIES_MAX) {
    // Marsaglia, "Evaluating the normal distribution" (2004): z + z^3/3 + z^5/15 + ...
    let term = z;
    let sum = z;
    for (let odd = 3; term > sum * Number.EPSILON; odd += 2) {
      term *= (z * z) / odd;
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = z;
  for (let depth = FRACTION_DEPTH; depth > 0; depth--) fraction = z + depth / fraction;
  return density / fraction;
}
