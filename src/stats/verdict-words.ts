/**
 * The sentence that goes with a verdict: what was found, and which part of the
 * rule of verdict.ts decided. Must not decide anything itself.
 */
import type { Interval } from "./quantile-interval.ts";
import type { Verdict } from "./verdict.ts";

interface Rule {
  readonly minimumEffect: number;
  readonly alpha: number;
  readonly better: "lower" | "higher";
  readonly isPaired?: boolean;
  /** Samples a side, and how many it takes before any difference could be told from chance here. */
  readonly count: number;
  readonly neededCount: number;
}

export function explain(verdict: Verdict, ratio: number, interval: Interval, p: number, rule: Rule): string {
  const lead = rule.isPaired === true ? "it is typically" : "the median is";
  const found = `${lead} ${difference(ratio)} (${percent(interval.confidence)} interval ${signed(interval.low)} to ${signed(interval.high)}; ${pText(p)})`;
  const minimum = percent(rule.minimumEffect);
  switch (verdict) {
    case "improved":
    case "regressed":
      return `${found}, and ${rule.better} is better`;
    case "equal":
      return `${found}, wholly within the ${minimum} that would matter`;
    case "inconclusive":
      return `${found}: ${doubt(interval, p, rule, minimum)}`;
  }
}

function doubt(interval: Interval, p: number, rule: Rule, minimum: string): string {
  const isOneSided = interval.low > 1 || interval.high < 1;
  if (rule.count < rule.neededCount)
    return `${rule.count} samples a side can show no difference, however clear, among so many comparisons: ${rule.neededCount} are needed`;
  if (p < rule.alpha && isOneSided)
    return `a difference, but not surely below or above the ${minimum} that would matter; take more samples`;
  const unproven = p < rule.alpha ? "the interval includes 0%" : `p is not below ${rule.alpha}`;
  return `${unproven}, and a difference of more than ${minimum} is not excluded; take more samples, or quieter ones`;
}

function difference(ratio: number): string {
  if (ratio === 1) return "the same";
  return `${percent(Math.abs(ratio - 1))} ${ratio > 1 ? "higher" : "lower"}`;
}

function signed(ratio: number): string {
  return `${ratio < 1 ? "-" : "+"}${percent(Math.abs(ratio - 1))}`;
}

function percent(share: number): string {
  const value = share * 100;
  return `${value >= 1000 ? Math.round(value) : Number(value.toPrecision(value < 10 ? 2 : 3))}%`;
}

function pText(p: number): string {
  return p < 0.0001 ? "p < 0.0001" : `p = ${Number(p.toPrecision(2))}`;
}
