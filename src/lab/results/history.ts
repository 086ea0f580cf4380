/**
 * Stored runs of one benchmark in the order of time: its figure, the change
 * against the median of the runs before it, and what drifts. Runs of other
 * machines are shown and not compared. Pure.
 */
import { driftNotes } from "../../stats/drift.ts";
import { median } from "../../stats/quantile.ts";
import { headline } from "./compare.ts";
import type { StoredReport } from "./result-store.ts";
import type { MetricField } from "./schema.ts";

export interface HistoryPoint {
  readonly timestamp: string;
  readonly path: string;
  readonly value: number;
  /** Against the median of earlier runs on the same machine: 0.1 is 10% more. Null for the first. */
  readonly change: number | null;
}

export interface BenchmarkHistory {
  readonly suite: string;
  readonly name: string;
  readonly field: MetricField;
  readonly points: readonly HistoryPoint[];
  /** One sentence each. */
  readonly notes: readonly string[];
}

/** A change of the last run against those before it that is worth a sentence. */
const CHANGE_MIN = 0.05;

/** Oldest first; `name` keeps what is called so or begins so, suite or benchmark. */
export function historyOf(runs: readonly StoredReport[], name: string | null): BenchmarkHistory[] {
  const byBenchmark = new Map<string, { suite: string; name: string; runs: StoredReport[] }>();
  for (const run of runs) {
    const suite = run.report.benchmark_suite;
    for (const result of run.report.results) {
      if (name !== null && ![suite, result.name, `${suite}/${result.name}`].some((text) => text.startsWith(name))) continue;
      const key = JSON.stringify([suite, result.name]);
      const entry = byBenchmark.get(key) ?? { suite, name: result.name, runs: [] };
      entry.runs.push(run);
      byBenchmark.set(key, entry);
    }
  }
  return [...byBenchmark.values()].flatMap((entry) => describe(entry) ?? []);
}

function describe({ suite, name, runs }: { suite: string; name: string; runs: readonly StoredReport[] }): BenchmarkHistory | null {
  const found = runs.map((run) => run.report.results.find((result) => result.name === name)!);
  const field = headline(...found);
  if (field === null) return null;
  const values = found.map(({ metrics }) => metrics[field]!);
  const points = runs.map(({ report, path }, at) => {
    const earlier = values.slice(0, at).filter((_, before) => isSameMachine(runs[before]!, runs[at]!));
    const usual = earlier.length === 0 ? null : median(earlier);
    return {
      timestamp: report.timestamp,
      path,
      value: values[at]!,
      change: usual === null || usual === 0 ? null : values[at]! / usual - 1,
    };
  });
  return { suite, name, field, points, notes: [...changeNotes(points), ...driftNotes(values).notes] };
}

function isSameMachine({ report: one }: StoredReport, { report: other }: StoredReport): boolean {
  const [a, b] = [one.system_info, other.system_info];
  return a?.hostname === b?.hostname && a?.cpu_model === b?.cpu_model && a?.cpu_cores === b?.cpu_cores;
}

function changeNotes(points: readonly HistoryPoint[]): string[] {
  const change = points.at(-1)?.change ?? null;
  if (change === null || Math.abs(change) < CHANGE_MIN) return [];
  const direction = change > 0 ? "above" : "below";
  return [`the last run lies ${(Math.abs(change) * 100).toFixed(0)}% ${direction} the median of those before; compare the two to judge it`];
}
