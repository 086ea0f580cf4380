/** Explanations of projects as Pages would give them, for what is made of them. */
import type { ProjectExplanation, VersionExplanation } from "../../src/mirror/pages/pages.ts";
import type { HidingRule } from "../../src/mirror/policy/policy.ts";

export function hiding(kind: HidingRule["kind"], rule: string, sinceMs: number | null = null, untilMs: number | null = null): HidingRule {
  return { kind, rule, reason: "because", sinceMs, untilMs };
}

/** A version with a file for each of `hiddenBy`: "demo-1.0-0.whl", "demo-1.0-1.whl". */
export function explained(version: string, ...hiddenBy: readonly (HidingRule | null)[]): VersionExplanation {
  const uploadTime = "2026-11-20T00:00:00.000Z";
  return {
    version,
    files: hiddenBy.map((rule, place) => ({ filename: `demo-${version}-${place}.whl`, uploadTime, yanked: false, hiddenBy: rule })),
  };
}

export function explanation(project: string, versions: readonly VersionExplanation[]): ProjectExplanation {
  return {
    project,
    index: { name: "index-1", because: "first" },
    mode: "enforce",
    fetchedAtMs: Date.UTC(2026, 10, 21, 12),
    versions,
  };
}
