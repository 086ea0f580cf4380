/** Small statistics for tables: enough to show a spread, no more. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

/** "12.3 [11.9-13.0]": median, least and greatest. */
export function spread(values: readonly number[], digits = 1): string {
  const show = (value: number): string => value.toFixed(digits);
  return `${show(median(values))} [${show(Math.min(...values))}-${show(Math.max(...values))}]`;
}
