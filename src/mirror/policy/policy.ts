/**
 * Policy: which files of a project clients may see. Pure: the caller passes the
 * time. The same judgement is used on the listing, on direct addresses and on
 * metadata, and is what an explanation tells.
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
  /**
   * `isOwn` is true for the folder of packages, which the cool-down passes over; `state` is the project's (PEP 792), where its
   * page tells one.
   */
  judge(project: string, file: ProjectFile, nowMs: number, isOwn: boolean, state?: string | null): Verdict;
  /** When the first of the hidden files will be shown with nobody's doing: so long a listing made now is right. Null for never. */
  nextChangeMs(project: string, files: readonly ProjectFile[], nowMs: number, isOwn: boolean): number | null;
  /** False when no project can be touched, except one that its index has quarantined: pages need not be judged. */
  readonly isActive: boolean;
}
