/** Flags that the commands of the lab share, and how their values are read. */
import { randomInt } from "node:crypto";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Flag } from "../config/flags.ts";
import type { Verdict } from "../stats/verdict.ts";
import type { Call } from "./command.ts";

export const JUDGING = "Judging";
export const DATA_FOLDER = "data";
const MINIMUM_EFFECT = "3%";
const ALPHA = 0.05;

export const OUTPUT_FLAG: Flag = {
  name: "output",
  short: "o",
  value: "DIR",
  group: "Output",
  help: "folder of stored results",
  shown: DATA_FOLDER,
};

export const JUDGING_FLAGS: readonly Flag[] = [
  {
    name: "minimum-effect",
    value: "SHARE",
    group: JUDGING,
    help: "a difference below this is none: 3% or 0.03",
    shown: MINIMUM_EFFECT,
  },
  { name: "alpha", value: "P", group: JUDGING, help: "how often equals may be called different", shown: String(ALPHA) },
  { name: "seed", value: "N", group: JUDGING, help: "of everything random; the same seed is the same order", shown: "random, printed" },
];

export const EXIT_FAIL_ON = 99;

export const FAIL_ON_FLAG: Flag = {
  name: "fail-on",
  value: "VERDICT,…",
  group: JUDGING,
  help: `end with ${EXIT_FAIL_ON} when the verdict is one of these: improved, regressed, equal, inconclusive`,
};

const VERDICTS: readonly Verdict[] = ["improved", "regressed", "equal", "inconclusive"];

/** For a build that has to stop; empty when none was named. */
export function readFailOn({ flag }: Call): Result<readonly Verdict[]> {
  const text = flag("fail-on");
  if (text === undefined) return ok([]);
  const words = text.split(",").map((word) => word.trim());
  const known = VERDICTS.filter((verdict) => words.includes(verdict));
  if (known.length === new Set(words).size) return ok(known);
  return fail(badValue("fail-on", text, `of ${VERDICTS.join(", ")}`, "regressed"));
}

export interface Judging {
  readonly minimumEffect: number;
  readonly alpha: number;
  readonly seed: number;
}

const SEED_MAX = 2 ** 32 - 1;

export function readJudging({ flag }: Call): Result<Judging, readonly Failure[]> {
  const minimumEffect = readShare("minimum-effect", flag("minimum-effect") ?? MINIMUM_EFFECT);
  const alpha = readShare("alpha", flag("alpha") ?? String(ALPHA));
  const seed = flag("seed") === undefined ? ok(randomInt(SEED_MAX)) : readCount("seed", flag("seed")!, 0, SEED_MAX);
  const failures = [minimumEffect, alpha, seed].flatMap((read) => (read.ok ? [] : [read.failure]));
  if (!minimumEffect.ok || !alpha.ok || !seed.ok) return fail(failures);
  return ok({ minimumEffect: minimumEffect.value, alpha: alpha.value, seed: seed.value });
}

function readShare(name: string, text: string): Result<number> {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)(%?)$/.exec(text.trim());
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (share > 0 && share < 1) return ok(share);
  return fail(badValue(name, text, "a share above 0 and below 1", "3% or 0.03"));
}

export function readCount(name: string, text: string, least: number, most: number): Result<number> {
  const value = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return ok(value);
  return fail(badValue(name, text, `a whole number from ${least} to ${most}`, String(least)));
}

export function badValue(name: string, text: string, what: string, example: string): Failure {
  return { code: "CONFIG_BAD_VALUE", message: `--${name} "${text}" is not ${what}`, hint: `Write --${name} ${example}` };
}
