/**
 * Is a stored benchmark the same thing as another of its name? Its side is
 * called "a" in every comparison: what was started, what was asked and how it
 * was loaded tell. Files of other programs say nothing of it and are taken by
 * their names. Pure.
 */
import type { BenchmarkReport, BenchmarkResult } from "./schema.ts";

const OF_THE_SUBJECT = ["label", "command", "request"] as const;
/** Not alpha and the minimum effect: they change verdicts, no figures. */
const OF_THE_LOAD = ["connections", "seconds", "warm_up_ms", "body_sha256", "headers", "checks"] as const;

function identityOf({ metadata }: BenchmarkResult): readonly (readonly [field: string, text: string])[] {
  const { conditions } = metadata;
  const load = typeof conditions === "object" && conditions !== null ? (conditions as Record<string, unknown>) : {};
  return [
    ...OF_THE_SUBJECT.map((field) => [field, JSON.stringify(metadata[field] ?? null)] as const),
    ...OF_THE_LOAD.map((field) => [field, JSON.stringify(load[field] ?? null)] as const),
  ];
}

/** Equal for results that may be followed as one. */
export function identityKey(result: BenchmarkResult): string {
  return identityOf(result)
    .map(([, text]) => text)
    .join();
}

/** "command", "seconds": what isn't the same of both. */
export function differences(one: BenchmarkResult, other: BenchmarkResult): string[] {
  const others = new Map(identityOf(other));
  return identityOf(one).flatMap(([field, text]) => (others.get(field) === text ? [] : [field]));
}

/** What was measured, for a heading; empty where the file doesn't say. */
export function subjectText({ metadata }: BenchmarkResult): string {
  return [metadata["command"], metadata["request"]].filter((part) => typeof part === "string").join(", ");
}

/** Why it is no whole run, as it says itself; null when it is one. */
export function partialBecause({ metadata }: BenchmarkResult): string | null {
  const because = metadata["partial_because"];
  return typeof because === "string" ? because : null;
}

const OF_THE_MACHINE = ["hostname", "cpu_model", "cpu_cores", "kernel_version"] as const;

/** Names of what differs; null when one of the two doesn't say where it was measured. */
export function machineDifferences({ system_info: a }: BenchmarkReport, { system_info: b }: BenchmarkReport): readonly string[] | null {
  return a === null || b === null ? null : OF_THE_MACHINE.filter((field) => a[field] !== b[field]);
}
