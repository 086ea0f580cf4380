/**
 * Policy: which files of a project clients may see. Pure: the caller passes the
 * time. Pages ask it by pages/page-view.ts alone, so that the same judgement
 * holds for the listing, for direct addresses and for metadata, and is what an
 * explanation tells.
 */
import type { ProjectFile } from "../simple/project-page.ts";

export interface Verdict {
  /** In shadow mode true all the same: `hiddenBy` says what would have been. */
  readonly visible: boolean;
  /** Null when nothing is against the file. */
  readonly hiddenBy: HidingRule | null;
}

export interface HidingRule {
  readonly kind: "deny" | "cooldown" | "no-upload-time" | "quarantined";
  /** As written in the configuration: "deny evil-*", "cooldown 7d". */
  readonly rule: string;
  /** For whoever is refused; holds nothing secret. */
  readonly reason: string;
  /** Since when the rule hides it, where that is known: the upload. Milliseconds of the epoch. */
  readonly sinceMs: number | null;
  /** When it will be shown; null for never by itself. */
  readonly untilMs: number | null;
}

export interface Policy {
  /** `isOwn` is true for the folder of packages, which the cool-down passes over. What the project's index says of it is no matter of this. */
  judge(project: string, file: ProjectFile, nowMs: number, isOwn: boolean): Verdict;
  /** False when nothing can be hidden: pages need not be judged. */
  readonly isActive: boolean;
}
