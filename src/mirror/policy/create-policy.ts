/**
 * The configured policy: rules in order, the first match decides; then the
 * cool-down, which an allowing rule doesn't lift (exemptions do). Everything
 * that can't be told counts against the file: a version that its name doesn't
 * tell is denied by every rule that denies some versions of the project, and a
 * file without a believable upload time never cools down.
 * A page may list 10,000 files: rules are chosen once a project, versions are
 * parsed and judged once each. Must not read the clock.
 */
import { assert } from "../../base/assert.ts";
import { DAY_MS, formatDuration } from "../../base/units.ts";
import type { PolicyConfig, PolicyRule } from "../../config/mirror-config.ts";
import { parseDistributionName } from "../simple/distribution-name.ts";
import type { ProjectFile } from "../simple/project-page.ts";
import { describeMoment, parseUploadTime } from "../simple/upload-time.ts";
import type { Specifier } from "../versions/specifier.ts";
import { type Denial, denialBy } from "./denied-project.ts";
import { matchingName } from "./name-pattern.ts";
import type { HidingRule, Policy, Verdict } from "./policy.ts";

const NOTHING_AGAINST: Verdict = Object.freeze({ visible: true, hiddenBy: null });

/** A rule that names the project at hand. */
interface ApplicableRule {
  readonly action: PolicyRule["action"];
  /** Null for every version. */
  readonly specifier: Specifier | null;
  /** Of one that denies. */
  readonly denial: Denial;
}

/** What the configuration says of one project. */
interface ProjectRules {
  readonly project: string;
  readonly rules: readonly ApplicableRule[];
  readonly asksVersions: boolean;
  readonly isExempt: boolean;
  /** By version, null where the name of a file doesn't tell one. */
  readonly denials: Map<string | null, HidingRule | null>;
}

/** The rules are right: the configuration has read their versions by the same parser. */
export async function createPolicy(config: PolicyConfig): Promise<Policy> {
  const asksVersions = config.rules.some(({ versions }) => versions !== "");
  return new ConfiguredPolicy(config, asksVersions ? await loadParser() : null);
}

type VersionParser = Pick<typeof import("../versions/specifier.ts"), "parseSpecifier" | "specifierMatches"> &
  Pick<typeof import("../versions/version.ts"), "parseVersion">;

/** Only where a rule is for some versions: whoever asks for the first page waits for it. */
async function loadParser(): Promise<VersionParser> {
  const { parseSpecifier, specifierMatches } = await import("../versions/specifier.ts");
  const { parseVersion } = await import("../versions/version.ts");
  return { parseSpecifier, specifierMatches, parseVersion };
}

class ConfiguredPolicy implements Policy {
  readonly isActive: boolean;
  readonly #config: PolicyConfig;
  /** Null when no rule asks for versions. */
  readonly #parser: VersionParser | null;
  readonly #specifiers: readonly (Specifier | null)[];
  readonly #cooldownText: string;
  /** Of the project asked for last: a page is judged file after file. */
  #latest: ProjectRules | null = null;

  constructor(config: PolicyConfig, parser: VersionParser | null) {
    this.#config = config;
    this.#parser = parser;
    this.#specifiers = config.rules.map(({ versions }) => {
      if (versions === "" || parser === null) return null;
      const parsed = parser.parseSpecifier(versions);
      assert(parsed.ok, `a rule with the versions ${JSON.stringify(versions)} got past the configuration`);
      return parsed.value.clauses.length === 0 ? null : parsed.value;
    });
    this.#cooldownText = config.cooldownMs % DAY_MS === 0 ? `${config.cooldownMs / DAY_MS}d` : formatDuration(config.cooldownMs);
    this.isActive = config.rules.length > 0 || config.cooldownMs > 0;
  }

  judge(project: string, file: ProjectFile, nowMs: number, isOwn: boolean): Verdict {
    const hiddenBy = this.#hidingRule(project, file, nowMs, isOwn);
    return hiddenBy === null ? NOTHING_AGAINST : { visible: this.#config.mode === "shadow", hiddenBy };
  }

  #hidingRule(project: string, file: ProjectFile, nowMs: number, isOwn: boolean): HidingRule | null {
    const rules = this.#rulesOf(project);
    const denial = this.#denial(rules, file.filename);
    if (denial !== null) return { ...denial, sinceMs: parseUploadTime(file.uploadTime) };
    const isCooled = this.#config.cooldownMs === 0 || isOwn || rules.isExempt;
    return isCooled ? null : this.#heldBack(parseUploadTime(file.uploadTime), nowMs);
  }

  #heldBack(uploadMs: number | null, nowMs: number): HidingRule | null {
    const rule = `cooldown ${this.#cooldownText}`;
    if (uploadMs === null) {
      const reason = `its index gives no upload time that can be read, and files younger than ${this.#cooldownText} are held back`;
      return { kind: "no-upload-time", rule, reason, sinceMs: null, untilMs: null };
    }
    const untilMs = uploadMs + this.#config.cooldownMs;
    if (uploadMs > nowMs) {
      const reason = `its upload time ${describeMoment(uploadMs)} lies in the future, and files younger than ${this.#cooldownText} are held back`;
      return { kind: "no-upload-time", rule, reason, sinceMs: null, untilMs };
    }
    if (untilMs <= nowMs) return null;
    const reason = `it is younger than ${this.#cooldownText} and held back until ${describeMoment(untilMs)}`;
    return { kind: "cooldown", rule, reason, sinceMs: uploadMs, untilMs };
  }

  #rulesOf(project: string): ProjectRules {
    if (this.#latest?.project === project) return this.#latest;
    const rules = this.#config.rules.flatMap((rule, place): ApplicableRule[] => {
      const pattern = matchingName(rule.names, project);
      if (pattern === null) return [];
      return [{ action: rule.action, specifier: this.#specifiers[place]!, denial: denialBy(rule, pattern) }];
    });
    const asksVersions = rules.some(({ specifier }) => specifier !== null);
    const isExempt = matchingName(this.#config.cooldownExempt, project) !== null;
    this.#latest = { project, rules, asksVersions, isExempt, denials: new Map() };
    return this.#latest;
  }

  /** The rule that denies the file, without its times. */
  #denial(rules: ProjectRules, filename: string): HidingRule | null {
    if (rules.rules.length === 0) return null;
    const version = rules.asksVersions ? versionOf(filename, rules.project) : null;
    let denial = rules.denials.get(version);
    if (denial === undefined) {
      denial = decide(rules.rules, version, this.#parser);
      rules.denials.set(version, denial);
    }
    return denial;
  }
}

/** Null, too, for a file that bears another project's name: what it says of a version is not of this one. */
function versionOf(filename: string, project: string): string | null {
  const parsed = parseDistributionName(filename, project);
  return parsed?.project === project ? parsed.version : null;
}

function decide(rules: readonly ApplicableRule[], text: string | null, parser: VersionParser | null): HidingRule | null {
  const version = text === null || parser === null ? null : parser.parseVersion(text);
  for (const { action, specifier, denial } of rules) {
    const matches = specifier === null || parser === null ? true : text === null ? null : parser.specifierMatches(specifier, text, version);
    if (matches === false || (matches === null && action === "allow")) continue;
    if (action === "allow") return null;
    const doubt = matches === null ? "; its version can't be told from its name" : "";
    return { kind: "deny", rule: denial.rule, reason: `${denial.reason}${doubt}`, sinceMs: null, untilMs: null };
  }
  return null;
}
