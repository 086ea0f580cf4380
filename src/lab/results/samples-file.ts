/**
 * Raw samples beside a result, in the order they were taken: one JSON line for
 * each benchmark, so that a later comparison tests values and not medians, and
 * drift stays visible. A value that couldn't be measured is null.
 */

import type { BenchmarkReport } from "./schema.ts";

export type SamplesByName = ReadonlyMap<string, readonly number[]>;

/** The report with each benchmark's samples in its metadata, for a file that stands alone. */
export function withSamples(report: BenchmarkReport, samples: SamplesByName): BenchmarkReport {
  const results = report.results.map((result) => ({
    ...result,
    metadata: { ...result.metadata, samples: (samples.get(result.name) ?? []).map(orNull) },
  }));
  return { ...report, results };
}

function orNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

export function formatSamples(samples: SamplesByName): string {
  const lines = [...samples].map(([name, values]) => JSON.stringify({ name, values: values.map(orNull) }));
  return lines.map((line) => `${line}\n`).join("");
}

/** Null when the text is no such file. */
export function parseSamples(text: string): SamplesByName | null {
  const samples = new Map<string, readonly number[]>();
  try {
    for (const line of text.split("\n").filter((one) => one !== "")) {
      const { name, values } = JSON.parse(line) as { name: unknown; values: unknown };
      if (typeof name !== "string" || !Array.isArray(values)) return null;
      if (!values.every((value) => value === null || (typeof value === "number" && value >= 0))) return null;
      samples.set(
        name,
        values.map((value) => value ?? Number.NaN),
      );
    }
  } catch {
    return null;
  }
  return samples;
}
