/** Samples become the fields of the schema: latency in nanoseconds, memory in bytes. */
import { quantile } from "../../stats/quantile.ts";
import type { Metrics } from "./schema.ts";

/** Values that couldn't be measured (NaN) don't count; no field at all when none could. */
export function latencyMetrics(valuesNs: readonly number[]): Metrics {
  const sorted = valuesNs.filter(Number.isFinite).toSorted((a, b) => a - b);
  const count = sorted.length;
  if (count === 0) return {};
  const mean = sorted.reduce((sum, value) => sum + value, 0) / count;
  const squares = sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return {
    min_ns: Math.round(sorted[0]!),
    max_ns: Math.round(sorted.at(-1)!),
    mean_ns: mean,
    median_ns: Math.round(quantile(sorted, 0.5)),
    p95_ns: Math.round(quantile(sorted, 0.95)),
    p99_ns: Math.round(quantile(sorted, 0.99)),
    // Of the sample, not of the population: one value has no spread.
    std_dev_ns: count === 1 ? 0 : Math.sqrt(squares / (count - 1)),
  };
}

/** As latencyMetrics, of bytes. */
export function memoryMetrics(values: readonly number[]): Metrics {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  const count = sorted.length;
  if (count === 0) return {};
  return {
    min_bytes: sorted[0]!,
    max_bytes: sorted.at(-1)!,
    mean_bytes: sorted.reduce((sum, value) => sum + value, 0) / count,
    median_bytes: Math.round(quantile(sorted, 0.5)),
  };
}
