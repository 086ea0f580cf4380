/**
 * Stored runs of one benchmark in the order of time: its figure, the change
 * against the median of the runs before it, and what drifts. Another command,
 * request or load is another history. Runs of other machines and runs that
 * were cut short are shown and not compared. Pure.
 */
import { driftNotes } from "../../stats/drift.ts";
import { median } from "../../stats/quantile.ts";
import { headline } from "./compare.ts";
import { identityKey, machineDifferences, partialBecause, subjectText } from "./identity.ts";
import type { StoredReport } from "./result-store.ts";
import type { BenchmarkResult, MetricField } from "./schema.ts";

export interface HistoryPoint {
  readonly timestamp: string;
  readonly path: string;
  readonly value: number;
  /** Against the median of earlier whole runs on the same machine: 0.1 is 10% more. Null for the first, and for a partial one. */
  readonly change: number | null;
  /** Why it is no whole run; null when it is. */
  readonly partialBecause: string | null;
}

export interface BenchmarkHistory {
  readonly suite: string;
  readonly name: string;
  /** Command and request; empty where the files don't say. */
  readonly subject: string;
  readonly field: MetricField;
  readonly points: readonly HistoryPoint[];
  /** One sentence each. */
  readonly notes: readonly string[];
}

/** A change of the last run against those before it that is worth a sentence. */
const CHANGE_MIN = 0.05;

interface Run {
  readonly stored: StoredReport;
  readonly result: BenchmarkResult;
}

/** Oldest first; `name` keeps suites and benchmarks that are called or begin so, whole or in a part between slashes. */
export function historyOf(runs: readonly StoredReport[], name: string | null): BenchmarkHistory[] {
  const all = runs.flatMap((stored) => stored.report.results.map((result) => ({ stored, result })));
  const kept = all.filter(({ stored, result }) => name === null || isCalled(`${stored.report.benchmark_suite}/${result.name}`, name));
  const groups = Map.groupBy(kept, ({ stored, result }) =>
    JSON.stringify([stored.report.benchmark_suite, result.name, identityKey(result)]),
  );
  return [...groups.values()].flatMap((group) => describe(group) ?? []);
}

/** Whatever `historyOf` would find by name. */
export function namesIn(runs: readonly StoredReport[]): string[] {
  return [...new Set(runs.flatMap(({ report }) => report.results.map((result) => `${report.benchmark_suite}/${result.name}`)))].sort();
}

/** "a/cpu" and "cpu" call "ab/a/cpu_per_request". */
function isCalled(path: string, name: string): boolean {
  for (let at = 0; at !== -1; at = path.indexOf("/", at) === -1 ? -1 : path.indexOf("/", at) + 1)
    if (path.startsWith(name, at)) return true;
  return false;
}

function describe(runs: readonly Run[]): BenchmarkHistory | null {
  const { stored, result } = runs[0]!;
  const field = headline(...runs.map((run) => run.result));
  if (field === null) return null;
  const figureOf = (run: Run): number => run.result.metrics[field]!;
  const points = runs.map((run, at) => {
    const earlier = runs.slice(0, at).filter((before) => isComparable(before, run));
    const usual = earlier.length === 0 ? null : median(earlier.map(figureOf));
    return {
      timestamp: run.stored.report.timestamp,
      path: run.stored.path,
      value: figureOf(run),
      change: usual === null || usual === 0 ? null : figureOf(run) / usual - 1,
      partialBecause: partialBecause(run.result),
    };
  });
  const alike = runs.filter((run) => isComparable(run, runs.at(-1)!)).map(figureOf);
  const notes = [...changeNotes(points), ...driftNotes(alike).notes];
  return { suite: stored.report.benchmark_suite, name: result.name, subject: subjectText(result), field, points, notes };
}

/** Both whole, and of one machine that both name. */
function isComparable(one: Run, other: Run): boolean {
  if (partialBecause(one.result) !== null || partialBecause(other.result) !== null) return false;
  return machineDifferences(one.stored.report, other.stored.report)?.every((field) => field === "kernel_version") ?? false;
}

function changeNotes(points: readonly HistoryPoint[]): string[] {
  const change = points.at(-1)?.change ?? null;
  if (change === null || Math.abs(change) < CHANGE_MIN) return [];
  const direction = change > 0 ? "above" : "below";
  return [
    `the last run lies ${(Math.abs(change) * 100).toFixed(0)}% ${direction} the median of those before; measure both in one run to judge it`,
  ];
}
