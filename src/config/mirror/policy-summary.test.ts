import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY_MS, HOUR_MS } from "../../base/units.ts";
import type { PolicyConfig } from "../mirror-config.ts";
import { describePolicy } from "./policy-summary.ts";

const NONE: PolicyConfig = { mode: "enforce", rules: [], cooldownMs: 0, cooldownExempt: [] };
const RULE = { action: "deny", names: ["evil-*"], versions: "", reason: null } as const;
const PIN = { pattern: "acme-*", index: "company" };

test("a policy is told by what it consists of, and not at all where there is none", () => {
  assert.equal(describePolicy({ policy: NONE, pins: [] }), null);
  assert.equal(describePolicy({ policy: { ...NONE, mode: "shadow" }, pins: [PIN, PIN] }), "2 pins");
  assert.equal(
    describePolicy({ policy: { ...NONE, cooldownMs: 7 * DAY_MS, rules: [RULE, RULE] }, pins: [PIN] }),
    "cool-down 7d, 2 rules, 1 pin, enforced",
  );
  const shadow = { ...NONE, mode: "shadow", cooldownMs: 36 * HOUR_MS, rules: [RULE] } as const;
  assert.equal(describePolicy({ policy: shadow, pins: [] }), "cool-down 36h, 1 rule, shadow: nothing is hidden");
});
