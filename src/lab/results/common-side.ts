/**
 * Two runs of `bench ab` with the same side A: what they say of their sides B
 * can be compared. Each round gave a ratio B / A of processes that were loaded
 * in turn, in which that day's machine cancels out; figures of two days stand
 * for two machines. Pure.
 */
import { differences } from "./identity.ts";
import type { BenchmarkReport, BenchmarkResult, ReadReport } from "./schema.ts";

const SIDE_A = /^a\//;
const SIDE_B = /^b\//;

export function isOfSideA({ name }: Pick<BenchmarkResult, "name">): boolean {
  return SIDE_A.test(name);
}

/** The same command, asked and loaded alike; what it was called doesn't matter. */
export function haveSameSideA(one: BenchmarkReport, other: BenchmarkReport): boolean {
  if (one.benchmark_suite !== "ab" || other.benchmark_suite !== "ab") return false;
  const ofOther = new Map(other.results.map((result) => [result.name, result]));
  const shared = one.results.filter((result) => isOfSideA(result) && ofOther.has(result.name));
  const isSame = (result: BenchmarkResult): boolean =>
    typeof result.metadata["command"] === "string" && differences(result, ofOther.get(result.name)!).every((field) => field === "label");
  return shared.length > 0 && shared.every(isSame);
}

/** B / A of each round in which both are known; null where there is none. */
export function ratiosToSideA({ samples }: ReadReport, name: string): readonly number[] | null {
  const ofB = SIDE_B.test(name) ? samples.get(name) : undefined;
  const ofA = samples.get(name.replace(SIDE_B, "a/"));
  if (ofA === undefined || ofB === undefined || ofA.length !== ofB.length) return null;
  const ratios = ofB.map((value, round) => value / ofA[round]!).filter(Number.isFinite);
  return ratios.length === 0 ? null : ratios;
}
