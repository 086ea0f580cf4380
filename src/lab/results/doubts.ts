/**
 * Why a stored figure must not be judged, as the run that stored it says
 * itself: a later comparison must not believe what the run disowned. Pure.
 */
import type { BenchmarkReport, BenchmarkResult } from "./schema.ts";

/** Of a run's processes; ranks bear with a few disturbed ones. */
export const DOUBTED_SHARE_MAX = 0.25;

/** Of the load generator's making: when it was the bottleneck these are its own figures. */
const OF_THE_LOAD = /\/(?:throughput|latency_\w+)$/;

/** A phrase; null when nothing is said against it. */
export function doubtOf(report: BenchmarkReport, { name, metadata }: BenchmarkResult): string | null {
  const because = metadata["unjudged_because"];
  if (typeof because === "string") return because;
  return OF_THE_LOAD.test(name) ? disownedBecause(report) : null;
}

/** Both sides share the generator: `invalid_because` of each holds a list for every process. */
function disownedBecause({ results }: BenchmarkReport): string | null {
  const processes = results.flatMap(({ metadata }) => {
    const lists = metadata["invalid_because"];
    return Array.isArray(lists) ? (lists as unknown[]) : [];
  });
  const doubted = processes.filter((reasons) => Array.isArray(reasons) && reasons.length > 0);
  return doubted.length > processes.length * DOUBTED_SHARE_MAX
    ? `the load generator disowns its own figures on ${doubted.length} of ${processes.length} processes`
    : null;
}
