/**
 * The policy in a few words, for the greeting and the home page: that files are
 * held back should be seen where the mirror is looked at, not only in a
 * client's 403. Names no project: the rules themselves are the configuration's.
 */
import { DAY_MS, describeCount, formatDuration } from "../../base/units.ts";
import type { MirrorConfig } from "../mirror-config.ts";

/** "cool-down 7d, 2 rules, 1 pin, enforced"; null when nothing is hidden and nothing pinned. */
export function describePolicy({ policy, pins }: Pick<MirrorConfig, "policy" | "pins">): string | null {
  const { cooldownMs, rules, mode } = policy;
  const cooldown = cooldownMs % DAY_MS === 0 ? `${cooldownMs / DAY_MS}d` : formatDuration(cooldownMs);
  const hides = cooldownMs > 0 || rules.length > 0;
  const parts = [
    ...(cooldownMs > 0 ? [`cool-down ${cooldown}`] : []),
    ...counted(rules.length, "rule"),
    ...counted(pins.length, "pin"),
    // A pin holds in either mode.
    ...(hides ? [mode === "enforce" ? "enforced" : "shadow: nothing is hidden"] : []),
  ];
  return parts.length === 0 ? null : parts.join(", ");
}

function counted(count: number, what: string): readonly string[] {
  return count === 0 ? [] : [describeCount(count, what)];
}
