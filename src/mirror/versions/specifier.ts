/**
 * Specifier: a PEP 440 version specifier (">=1.2, !=1.4.*") taken apart once
 * and asked often. Grammar by @renovatebot/pep440; what the operators mean is
 * here, after the specification and PyPA's `packaging`, because the package
 * refuses 2.0rc1 to "<2.0rc2" and 1.0.post2 to ">1.0.post1", and parses both
 * sides for every question. Pre-releases match like others: who doesn't want
 * them says so.
 */
import { RANGE_PATTERN } from "@renovatebot/pep440";
import { fail, ok, type Result } from "../../base/result.ts";
import { comparePublic, compareReleases, compareVersions, parseVersion, type Version } from "./version.ts";

const CLAUSE = new RegExp(`^${RANGE_PATTERN}$`, "i");
const LENGTH_MAX = 2_000;

export interface Specifier {
  /** As it was written; "" matches every version. */
  readonly text: string;
  readonly clauses: readonly Clause[];
  /** A clause with a pre-release asks for pre-releases. */
  readonly namesPrerelease: boolean;
}

interface Clause {
  readonly operator: "===" | "~=" | "==" | "!=" | "<=" | ">=" | "<" | ">";
  readonly text: string;
  /** Null where only "===" can read it. */
  readonly version: Version | null;
  /** Ends with ".*". */
  readonly isPrefix: boolean;
}

/** The fault is a phrase that follows the specifier. */
export function parseSpecifier(text: string): Result<Specifier, string> {
  if (text.length > LENGTH_MAX) return fail(`is longer than ${LENGTH_MAX} characters`);
  const clauses: Clause[] = [];
  for (const part of text.split(",")) {
    const written = part.trim();
    if (written === "") continue;
    const clause = parseClause(written);
    if (clause === null) return fail(`is no version specifier: ${JSON.stringify(written)} can't be read (PEP 440: ">=1.2, <2")`);
    clauses.push(clause);
  }
  const namesPrerelease = clauses.some(({ operator, version }) => operator !== "!=" && version !== null && version.isPrerelease);
  return ok({ text: text.trim(), clauses, namesPrerelease });
}

function parseClause(written: string): Clause | null {
  const groups = CLAUSE.exec(written)?.groups;
  if (groups === undefined) return null;
  const operator = groups["operator"] as Clause["operator"];
  const isPrefix = groups["prefix"] !== undefined;
  const text = groups["version"] ?? groups["legacy"] ?? "";
  const version = parseVersion(text);
  if (operator === "===") return { operator, text: isPrefix ? `${text}.*` : text, version: null, isPrefix: false };
  if (version === null) return null;
  const isEquality = operator === "==" || operator === "!=";
  if (!isEquality && (isPrefix || version.local !== null)) return null;
  // As packaging: a prefix is one of release numbers alone.
  if (isPrefix && (version.isPrerelease || version.post !== null || version.local !== null)) return null;
  if (operator === "~=" && version.release.length < 2) return null;
  return { operator, text, version, isPrefix };
}

/** The only version that fits, where the specifier names one: "==1.2" and "===1.2", not "==1.*". */
export function pinnedVersion(specifier: Specifier): string | null {
  const pins = specifier.clauses.filter(({ operator, isPrefix }) => (operator === "==" && !isPrefix) || operator === "===");
  return pins.length === 1 && specifier.clauses.length === 1 ? pins[0]!.text : null;
}

/** Null when it can't be told: the text is no PEP 440 version, and a clause needs one. */
export function specifierMatches(specifier: Specifier, text: string, version: Version | null): boolean | null {
  let canTell = true;
  for (const clause of specifier.clauses) {
    if (clause.operator === "===") {
      if (text.trim().toLowerCase() !== clause.text.toLowerCase()) return false;
    } else if (version === null) {
      canTell = false;
    } else if (!clauseMatches(clause, clause.version!, version)) {
      return false;
    }
  }
  return canTell ? true : null;
}

function clauseMatches(clause: Clause, wanted: Version, version: Version): boolean {
  switch (clause.operator) {
    case "==":
      return clause.isPrefix ? hasReleasePrefix(version, wanted.epoch, wanted.release) : isSame(version, wanted);
    case "!=":
      return !(clause.isPrefix ? hasReleasePrefix(version, wanted.epoch, wanted.release) : isSame(version, wanted));
    case "~=":
      return comparePublic(version, wanted) >= 0 && hasReleasePrefix(version, wanted.epoch, wanted.release.slice(0, -1));
    case "<=":
      return comparePublic(version, wanted) <= 0;
    case ">=":
      return comparePublic(version, wanted) >= 0;
    case "<":
      // The pre-releases of a version are not before it: it is its first development release that ends the range.
      return compareVersions(version, wanted.isPrerelease ? wanted : { ...wanted, dev: 0 }) < 0;
    case ">":
      return isBehind(version, wanted);
    case "===":
      return false;
  }
}

/** "==1.0" matches 1.0+local as well; "==1.0+local" only that. */
function isSame(version: Version, wanted: Version): boolean {
  return (wanted.local === null ? comparePublic(version, wanted) : compareVersions(version, wanted)) === 0;
}

/** 1 has the prefix 1.0.*: it means 1.0.0. */
function hasReleasePrefix(version: Version, epoch: number, prefix: readonly number[]): boolean {
  return version.epoch === epoch && prefix.every((number, place) => (version.release[place] ?? 0) === number);
}

/** Neither its local versions nor its post-releases are behind a version; for a post-release the next one is the first. */
function isBehind(version: Version, wanted: Version): boolean {
  if (wanted.dev !== null) return comparePublic(version, { ...wanted, dev: wanted.dev + 1 }) >= 0;
  if (wanted.post !== null) return comparePublic(version, { ...wanted, post: wanted.post + 1, dev: 0 }) >= 0;
  const isOfIt =
    version.epoch === wanted.epoch &&
    compareReleases(version.release, wanted.release) === 0 &&
    version.pre?.[0] === wanted.pre?.[0] &&
    version.pre?.[1] === wanted.pre?.[1];
  return !isOfIt && comparePublic(version, wanted) > 0;
}
