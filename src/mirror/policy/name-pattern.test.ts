import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { matchesName, matchingName } from "./name-pattern.ts";

test("a pattern without a star is the name itself", () => {
  assert.ok(matchesName("numpy", "numpy"));
  for (const name of ["numpy2", "nump", "", "my-numpy"]) assert.ok(!matchesName("numpy", name), name);
});

test("a star stands for any characters, none included", () => {
  for (const [pattern, name] of [
    ["*", ""],
    ["*", "numpy"],
    ["acme-*", "acme-"],
    ["acme-*", "acme-core"],
    ["*-internal", "billing-internal"],
    ["a*b*c", "a-b-b-c"],
    ["a**c", "ac"],
    ["*aab", "aaaab"],
  ] as const)
    assert.ok(matchesName(pattern, name), `${pattern} fits ${name}`);
  for (const [pattern, name] of [
    ["acme-*", "acme"],
    ["acme-*", "xacme-core"],
    ["a*b*c", "a-c-b"],
    ["*aab", "aaaba"],
    ["", "a"],
  ] as const)
    assert.ok(!matchesName(pattern, name), `${pattern} doesn't fit ${name}`);
});

test("what a regular expression would treat specially is itself", () => {
  assert.ok(!matchesName("a.c", "abc"));
  assert.ok(!matchesName("[a-z]", "b"));
  assert.ok(matchesName("a+(", "a+("));
});

test("a pattern of many stars takes no more steps than pattern times name", () => {
  // A backtracking expression would not end within the age of the universe.
  assert.ok(!matchesName(`${"*a".repeat(200)}*b`, "a".repeat(2_000)));
});

test("it agrees with a regular expression where that is quick", () => {
  const short = (letters: string) => fc.string({ unit: fc.constantFrom(...letters), maxLength: 8 });
  fc.assert(
    fc.property(short("ab-*"), short("ab-"), (pattern, name) => {
      assert.equal(matchesName(pattern, name), new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name));
    }),
    { numRuns: 2_000 },
  );
});

test("the first pattern that fits is told", () => {
  assert.equal(matchingName(["x", "a*", "ab"], "ab"), "a*");
  assert.equal(matchingName(["x"], "ab"), null);
});
