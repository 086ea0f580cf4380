/**
 * Page view: what of a page clients may see at a moment, and when that will
 * change by itself. The one place where the policy and the project's status
 * meet, so that a listing, a direct address and an explanation can't disagree.
 * Pure.
 */
import type { HidingRule, Policy, Verdict } from "../policy/policy.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";

export interface PageView {
  readonly files: readonly ProjectFile[];
  /** When a file that is hidden now will be shown; null for never by itself. */
  readonly untilMs: number | null;
}

export function viewPage(page: ProjectPage, policy: Policy, nowMs: number, isOwn: boolean): PageView {
  const isQuarantined = quarantine(page) !== null;
  if (!policy.isActive && !isQuarantined) return { files: page.files, untilMs: null };
  const files: ProjectFile[] = [];
  let untilMs: number | null = null;
  for (const file of page.files) {
    const verdict = judgeFile(page, file, policy, nowMs, isOwn);
    if (verdict.visible) {
      files.push(file);
      continue;
    }
    const shownAtMs = verdict.hiddenBy?.untilMs ?? null;
    if (shownAtMs !== null && (untilMs === null || shownAtMs < untilMs)) untilMs = shownAtMs;
  }
  return { files, untilMs };
}

export function judgeFile(page: ProjectPage, file: ProjectFile, policy: Policy, nowMs: number, isOwn: boolean): Verdict {
  const quarantined = quarantine(page);
  // Also in shadow mode: this rule is the index's, not ours to try out.
  if (quarantined !== null) return { visible: false, hiddenBy: quarantined };
  return policy.judge(page.name, file, nowMs, isOwn);
}

/** PEP 792: an index must not offer files of a quarantined project; its page stays, and says why. */
function quarantine({ status }: ProjectPage): HidingRule | null {
  if (status?.state !== "quarantined") return null;
  const reason = status.reason ?? "its index has quarantined the project";
  return { kind: "quarantined", rule: "quarantined", reason, sinceMs: null, untilMs: null };
}
