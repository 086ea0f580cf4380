/** Medians for tables, with their 95% intervals where there are enough samples, and ratios of them for bars. */
import { spread as showSpread } from "../../src/lab/ab/ab-text.ts";
import { bootstrapRatioInterval } from "../../src/stats/bootstrap.ts";
import { median, quantile } from "../../src/stats/quantile.ts";
import { quantileInterval } from "../../src/stats/quantile-interval.ts";
import type { Bar } from "./figure.ts";

/** Of resampling: a record can be computed again. */
const SEED = 1;

/** "12.3 [11.9-13.0]": median and interval; with parentheses, least to greatest, when there are too few samples for one. */
export function spread(values: readonly number[], digits = 1): string {
  return showSpread(values, { show: (value) => value.toFixed(digits) });
}

/** The value with the median of `values` over that of `base`. */
export function ratioBar(what: string, values: readonly number[], base: readonly number[], most: number): Bar {
  const interval = bootstrapRatioInterval(base, values, (sorted) => quantile(sorted, 0.5), { seed: SEED });
  return { what, value: median(values) / median(base), most, unit: "x", interval: interval.ok ? interval.value : null };
}

/** The same as a percentage, for small shares; `most` is a share. */
export function shareBar(what: string, values: readonly number[], base: readonly number[], most: number): Bar {
  const percent = values.map((value) => value * 100);
  return { ...ratioBar(what, percent, base, most * 100), unit: "%" };
}

/** A quantile of the values themselves, with its interval where there are enough of them. */
export function quantileBar(what: string, values: readonly number[], q: number, most: number, unit: string): Bar {
  const sorted = values.toSorted((a, b) => a - b);
  const interval = quantileInterval(sorted, q);
  return { what, value: quantile(sorted, q), most, unit, interval: interval.ok ? interval.value : null };
}
