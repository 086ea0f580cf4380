/**
 * Denied projects: those of which the policy hides every file there is or will
 * be. That is known by their names: no index is asked for them, and learns that
 * somebody wanted one. Pure.
 */
import type { PolicyConfig, PolicyRule } from "../../config/mirror-config.ts";
import { matchingName } from "./name-pattern.ts";

export interface Denial {
  /** As HidingRule has them. */
  readonly rule: string;
  readonly reason: string;
}

/** Null in shadow mode, and where an earlier rule lets some versions pass. */
export function projectDenial({ mode, rules }: PolicyConfig, project: string): Denial | null {
  if (mode === "shadow") return null;
  for (const rule of rules) {
    const pattern = matchingName(rule.names, project);
    if (pattern === null) continue;
    if (rule.action === "allow") return null;
    if (rule.versions === "") return denialBy(rule, pattern);
  }
  return null;
}

/** What a rule that denies is called, and why it denies. */
export function denialBy({ action, versions, reason }: PolicyRule, pattern: string): Denial {
  const rule = `${action} ${pattern} ${versions}`.trimEnd();
  return { rule, reason: reason ?? `the rule "${rule}" withholds it` };
}
