/**
 * What POST /explain answers: for each requirement of a lock file, which of the
 * files it wants are hidden and why, and which version could be had instead.
 * Projects are looked up once each, a few at a time, and dropped again: a lock
 * may name thousands, each with thousands of files.
 */
import { atOnce } from "../../base/at-once.ts";
import { ok, type Result } from "../../base/result.ts";
import { explainFailure, type MirrorFailure } from "../failures.ts";
import type { LockFormat, Requirement } from "../lockfile/lock-file.ts";
import { parseLockFile } from "../lockfile/parse-lock-file.ts";
import type { ProjectExplanation } from "../pages/pages.ts";
import { parseSpecifier, type Specifier, specifierMatches } from "../versions/specifier.ts";
import { compareVersions, parseVersion } from "../versions/version.ts";
import { describeDenial, type HiddenFile, hiddenFile } from "./explain-project.ts";
import { isAllowed, isOffered, newestVersion, type RankedVersion, rankVersions } from "./ranked-versions.ts";

const LOOK_UPS_AT_ONCE = 8;
/** Of one requirement; `hiddenCount` tells how many there are. */
const HIDDEN_TOLD_MAX = 50;
const NOT_LISTED_TOLD_MAX = 50;

export type LookUp = (project: string) => Promise<Result<ProjectExplanation, MirrorFailure>>;

/** In shadow mode "hidden" stands for what would be. */
export type RequirementState =
  | "allowed"
  /** An installer gets something else than it would without the policy. */
  | "partly-hidden"
  | "hidden"
  /** No index has the project, or it has no version or file that is asked for. */
  | "not-listed"
  | "not-from-index"
  /** The look-up failed: `summary` says how. */
  | "unanswered";

export interface RequirementAnswer {
  readonly project: string;
  /** "==1.2", ">=1,<2"; "" for any version. */
  readonly asked: string;
  readonly state: RequirementState;
  readonly hiddenCount: number;
  readonly hidden: readonly HiddenFile[];
  /** Files that the lock names and the index doesn't list. */
  readonly notListed: readonly string[];
  /** Allowed, and as the specifier asks. */
  readonly newestFitting: string | null;
  /** Allowed, whatever the specifier asks. */
  readonly newestAllowed: string | null;
  readonly note: string | null;
  readonly summary: string;
}

export interface RequirementsAnswer {
  readonly format: LockFormat;
  /** Null when no project was found. */
  readonly mode: ProjectExplanation["mode"] | null;
  readonly counts: Readonly<Record<RequirementState, number>>;
  readonly requirements: readonly RequirementAnswer[];
  readonly notes: readonly string[];
  readonly summary: string;
}

/** `nameHint` is a file name, a media type or null. The fault is a phrase that follows "Cannot read the requirements: ". */
export async function explainRequirements(
  text: string,
  nameHint: string | null,
  lookUp: LookUp,
): Promise<Result<RequirementsAnswer, string>> {
  const lock = await parseLockFile(text, nameHint);
  if (!lock.ok) return lock;
  const { requirements, format, notes } = lock.value;
  const answers: RequirementAnswer[] = [];
  let mode: ProjectExplanation["mode"] | null = null;
  const byProject = Map.groupBy(requirements.entries(), ([, { project }]) => project);
  await atOnce(LOOK_UPS_AT_ONCE, byProject, async ([project, entries]) => {
    const asksIndex = entries.some(([, { isFromIndex }]) => isFromIndex);
    const found = asksIndex ? await lookUp(project) : null;
    if (found?.ok) mode = found.value.mode;
    else if (found?.failure.code === "HIDDEN_BY_POLICY") mode = "enforce";
    const ranked = found?.ok ? rankVersions(found.value.versions) : [];
    for (const [place, requirement] of entries) {
      if (!requirement.isFromIndex) answers[place] = unjudged(requirement, "not-from-index", requirement.note ?? "comes from no index");
      else if (found === null || !found.ok) answers[place] = unjudged(requirement, ...describeFailure(found?.failure ?? null));
      else answers[place] = judged(requirement, found.value, ranked);
    }
  });
  const counts = { allowed: 0, "partly-hidden": 0, hidden: 0, "not-listed": 0, "not-from-index": 0, unanswered: 0 };
  for (const { state } of answers) counts[state]++;
  return ok({ format, mode, counts, requirements: answers, notes, summary: describe(counts, answers.length, mode) });
}

function describe(counts: Readonly<Record<RequirementState, number>>, total: number, mode: ProjectExplanation["mode"] | null): string {
  const hidden = mode === "shadow" ? "would be hidden" : "hidden";
  const parts = [
    [counts.hidden, hidden],
    [counts["partly-hidden"], `partly ${hidden}`],
    [counts["not-listed"], "not listed by the index"],
    [counts.unanswered, "could not be looked up"],
    [counts["not-from-index"], "not from an index"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `${counts.allowed} of ${total} requirements are allowed${told.length === 0 ? "" : `; ${told.join(", ")}`}`;
}

function describeFailure(failure: MirrorFailure | null): readonly [RequirementState, string] {
  if (failure?.code === "HIDDEN_BY_POLICY") return ["hidden", describeDenial(failure)];
  if (failure?.code === "NO_SUCH_PROJECT") return ["not-listed", explainFailure(failure).message];
  return ["unanswered", failure === null ? "" : explainFailure(failure).message];
}

function unjudged(requirement: Requirement, state: RequirementState, reason: string): RequirementAnswer {
  const { project, note } = requirement;
  const none = { hiddenCount: 0, hidden: [], notListed: [], newestFitting: null, newestAllowed: null };
  return { project, asked: askedText(requirement), state, ...none, note, summary: `${project}: ${reason}` };
}

function askedText({ specifier, version }: Requirement): string {
  return specifier ?? (version === null ? "" : `==${version}`);
}

/** What an installer would look at, and what of that is hidden. */
interface Wanted {
  readonly fileCount: number;
  readonly hidden: readonly HiddenFile[];
  readonly notListed: readonly string[];
}

function judged(requirement: Requirement, explanation: ProjectExplanation, ranked: readonly RankedVersion[]): RequirementAnswer {
  const { project, version, note } = requirement;
  const parsed = parseSpecifier(askedText(requirement));
  const specifier = parsed.ok ? parsed.value : null;
  const fitting = newestVersion(ranked, isAllowed, specifier);
  const names = requirement.files.flatMap(({ filename }) => filename ?? []);
  const wanted =
    names.length > 0
      ? wantedByName(names, explanation)
      : version !== null
        ? wantedByVersion(version, explanation)
        : wantedByRange(specifier, ranked, fitting);
  const isBare = wanted.fileCount === 0;
  const isHidden = wanted.hidden.length === wanted.fileCount || (version === null && names.length === 0 && fitting === null);
  const state = isBare ? "not-listed" : wanted.hidden.length === 0 ? "allowed" : isHidden ? "hidden" : "partly-hidden";
  const newestAllowed = newestVersion(ranked, isAllowed, null)?.text ?? null;
  const answer = {
    project,
    asked: askedText(requirement),
    state,
    hiddenCount: wanted.hidden.length,
    hidden: wanted.hidden.slice(0, HIDDEN_TOLD_MAX),
    notListed: wanted.notListed.slice(0, NOT_LISTED_TOLD_MAX),
    newestFitting: fitting?.text ?? null,
    newestAllowed,
    note,
  } as const;
  return { ...answer, summary: summarise(answer, wanted, explanation.mode) };
}

function wantedByName(names: readonly string[], { versions }: ProjectExplanation): Wanted {
  const missing = new Set(names);
  const hidden: HiddenFile[] = [];
  let fileCount = 0;
  for (const { version, files } of versions) {
    for (const file of files) {
      if (!missing.delete(file.filename)) continue;
      fileCount++;
      const hiding = hiddenFile(version, file);
      if (hiding !== null) hidden.push(hiding);
    }
  }
  return { fileCount, hidden, notListed: [...missing] };
}

function wantedByVersion(wantedText: string, { versions }: ProjectExplanation): Wanted {
  const wanted = parseVersion(wantedText);
  // By its own specifier "==1.2" means 1.2+local, too.
  const isWanted = (text: string) => {
    const version = parseVersion(text);
    if (wanted === null || version === null) return text.toLowerCase() === wantedText.toLowerCase();
    return compareVersions(wanted.local === null ? { ...version, local: null } : version, wanted) === 0;
  };
  const chosen = versions.filter(({ version }) => isWanted(version));
  const hidden = chosen.flatMap(({ version, files }) => files.flatMap((file) => hiddenFile(version, file) ?? []));
  return { fileCount: chosen.reduce((sum, { files }) => sum + files.length, 0), hidden, notListed: [] };
}

/** An installer takes the newest that fits: what is hidden counts where it would have been taken before what is left. */
function wantedByRange(specifier: Specifier | null, ranked: readonly RankedVersion[], fitting: RankedVersion | null): Wanted {
  const offered = newestVersion(ranked, isOffered, specifier);
  if (offered === null || offered === fitting) return { fileCount: offered?.files.length ?? 0, hidden: [], notListed: [] };
  const isLastResort = ({ version }: RankedVersion) => version.isPrerelease && specifier?.namesPrerelease !== true;
  const hidden: HiddenFile[] = [];
  let fileCount = fitting?.files.length ?? 0;
  for (const candidate of ranked) {
    if (fitting !== null && isLastResort(fitting) === isLastResort(candidate) && compareVersions(candidate.version, fitting.version) <= 0)
      continue;
    if (isLastResort(candidate) && !isLastResort(offered)) continue;
    if (specifier !== null && specifierMatches(specifier, candidate.text, candidate.version) !== true) continue;
    const files = candidate.files.filter(isOffered);
    fileCount += files.length;
    hidden.push(...files.flatMap((file) => hiddenFile(candidate.text, file) ?? []));
  }
  return { fileCount, hidden, notListed: [] };
}

function summarise(
  { project, asked, state, newestFitting, newestAllowed }: Omit<RequirementAnswer, "summary">,
  { hidden, notListed, fileCount }: Wanted,
  mode: ProjectExplanation["mode"],
): string {
  const name = `${project} ${asked}`.trimEnd();
  const gone = notListed.length === 0 ? "" : `; ${notListed.length} of its files the index does not list`;
  const choice = newestFitting ?? newestAllowed;
  const instead =
    choice === null ? "no version is allowed" : `the newest allowed version${newestFitting === null ? "" : " that fits"} is ${choice}`;
  switch (state) {
    case "not-listed":
      return `${name}: the index lists nothing of that; ${instead}`;
    case "hidden":
    case "partly-hidden": {
      const verb = mode === "shadow" ? "would be hidden" : hidden.length === 1 ? "is hidden" : "are hidden";
      return `${name}: ${hidden.length} of ${fileCount} files ${verb} (${hidden[0]!.filename}: ${hidden[0]!.reason})${gone}; ${instead}`;
    }
    default:
      return `${name}: allowed${gone}`;
  }
}
