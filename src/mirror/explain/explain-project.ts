/**
 * What GET /explain/{project} answers: the hidden files, by which rule, since
 * and until when, and the newest allowed choice, with one line for people. In
 * shadow mode the same, of what would be hidden. Pure.
 */
import type { ProjectExplanation } from "../pages/pages.ts";
import type { Denial } from "../policy/denied-project.ts";
import type { HidingRule } from "../policy/policy.ts";
import { describeMoment } from "../simple/upload-time.ts";
import { type ExplainedFile, isAllowed, isOffered, newestVersion, type RankedVersion, rankVersions } from "./ranked-versions.ts";

export interface HiddenFile {
  readonly filename: string;
  readonly version: string;
  readonly kind: HidingRule["kind"];
  readonly rule: string;
  readonly reason: string;
  readonly uploadTime: string | null;
  /** ISO 8601. Null where it isn't known, or for ever. */
  readonly since: string | null;
  readonly until: string | null;
}

export interface ProjectAnswer {
  readonly project: string;
  readonly index: ProjectExplanation["index"];
  readonly mode: ProjectExplanation["mode"];
  readonly fetchedAt: string;
  readonly fileCount: number;
  /** In shadow mode of those that would be hidden, as everything below. */
  readonly hiddenCount: number;
  readonly hidden: readonly HiddenFile[];
  /** Whatever the policy says. */
  readonly newest: string | null;
  readonly newestAllowed: string | null;
  readonly summary: string;
}

export function explainProject(explanation: ProjectExplanation): ProjectAnswer {
  const ranked = rankVersions(explanation.versions);
  const hidden = explanation.versions.flatMap(({ version, files }) => files.flatMap((file) => hiddenFile(version, file) ?? []));
  const newest = newestVersion(ranked, isOffered, null);
  const newestAllowed = newestVersion(ranked, isAllowed, null);
  const fileCount = explanation.versions.reduce((sum, { files }) => sum + files.length, 0);
  return {
    project: explanation.project,
    index: explanation.index,
    mode: explanation.mode,
    fetchedAt: describeMoment(explanation.fetchedAtMs),
    fileCount,
    hiddenCount: hidden.length,
    hidden,
    newest: newest?.text ?? null,
    newestAllowed: newestAllowed?.text ?? null,
    summary: `${explanation.project}: ${describeHidden(explanation.mode, hidden, fileCount)}; ${describeChoice(newest, newestAllowed)}`,
  };
}

/** Of a project that is denied whole: by its name alone, since no index is asked for it. */
export function explainDenied(project: string, { rule, reason }: Denial) {
  return {
    project,
    index: null,
    mode: "enforce",
    fetchedAt: null,
    fileCount: null,
    hiddenCount: null,
    hidden: [],
    newest: null,
    newestAllowed: null,
    rule,
    reason,
    summary: `${project}: ${describeDenial({ rule, reason })}`,
  } as const;
}

export function describeDenial({ rule, reason }: Denial): string {
  return `all of its files are hidden (by ${rule}: ${reason}), and no index is asked for it`;
}

/** Null for a file that nothing is against. */
export function hiddenFile(version: string, { filename, uploadTime, hiddenBy }: ExplainedFile): HiddenFile | null {
  if (hiddenBy === null) return null;
  const { kind, rule, reason, sinceMs, untilMs } = hiddenBy;
  return { filename, version, kind, rule, reason, uploadTime, since: momentOf(sinceMs), until: momentOf(untilMs) };
}

function momentOf(ms: number | null): string | null {
  return ms === null ? null : describeMoment(ms);
}

/** "3 of 12 files are hidden (2 by cooldown 7d, 1 by deny demo ==1.0)". */
function describeHidden(mode: ProjectExplanation["mode"], hidden: readonly HiddenFile[], fileCount: number): string {
  if (fileCount === 0) return "it has no files";
  if (hidden.length === 0) return fileCount === 1 ? "its only file is allowed" : `all ${fileCount} files are allowed`;
  const byRule = new Map<string, number>();
  for (const { rule } of hidden) byRule.set(rule, (byRule.get(rule) ?? 0) + 1);
  const rules = [...byRule].sort(([, one], [, other]) => other - one).map(([rule, count]) => `${count} by ${rule}`);
  const verb = mode === "shadow" ? "would be" : fileCount === 1 ? "is" : "are";
  return `${hidden.length} of ${fileCount} ${fileCount === 1 ? "file" : "files"} ${verb} hidden (${rules.join(", ")})`;
}

function describeChoice(newest: RankedVersion | null, allowed: RankedVersion | null): string {
  if (newest === null) return "there is no version to choose";
  if (allowed === newest) return `the newest version is ${newest.text}`;
  const untilMs = newest.files.map(({ hiddenBy }) => hiddenBy?.untilMs ?? null).filter((ms) => ms !== null);
  const from = untilMs.length === 0 ? "" : ` (from ${describeMoment(Math.min(...untilMs))})`;
  return `the newest allowed version is ${allowed?.text ?? "none"}, the newest of all ${newest.text}${from}`;
}
