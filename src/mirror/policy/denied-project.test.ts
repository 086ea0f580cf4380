import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyConfig, PolicyRule } from "../../config/mirror-config.ts";
import { projectDenial } from "./denied-project.ts";

const deny = (names: string, versions = "", reason: string | null = null): PolicyRule => ({
  action: "deny",
  names: names.split(" "),
  versions,
  reason,
});
const allow = (names: string, versions = ""): PolicyRule => ({ ...deny(names, versions), action: "allow" });

function denial(project: string, rules: readonly PolicyRule[], mode: PolicyConfig["mode"] = "enforce") {
  return projectDenial({ mode, rules, cooldownMs: 1, cooldownExempt: [] }, project);
}

test("a project is denied by the first rule that names it and leaves no version out, with that rule's reason", () => {
  assert.deepEqual(denial("evil-lib", [deny("left-pad"), deny("nice evil-*", "", "ticket 4711"), deny("*")]), {
    rule: "deny evil-*",
    reason: "ticket 4711",
  });
  assert.deepEqual(denial("evil-lib", [deny("evil-lib")]), { rule: "deny evil-lib", reason: 'the rule "deny evil-lib" withholds it' });
  assert.deepEqual(denial("evil-lib", [deny("evil-lib", "<2"), deny("*", "", "all")])?.reason, "all");
});

test("where something of it may be shown its files are judged one by one", () => {
  for (const rules of [
    [],
    [deny("other")],
    [deny("evil-lib", "<2")],
    [allow("evil-*"), deny("evil-lib")],
    [allow("evil-lib", ">=2"), deny("evil-lib")],
  ])
    assert.equal(denial("evil-lib", rules), null);
});

test("in shadow mode nothing is denied", () => {
  assert.equal(denial("evil-lib", [deny("*")], "shadow"), null);
});
