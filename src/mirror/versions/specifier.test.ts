import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { parseSpecifier, pinnedVersion, type Specifier, specifierMatches } from "./specifier.ts";
import { parseVersion } from "./version.ts";

function specifier(text: string): Specifier {
  const parsed = parseSpecifier(text);
  assert.ok(parsed.ok, `${text} is a specifier`);
  return parsed.value;
}

function matches(text: string, version: string): boolean | null {
  return specifierMatches(specifier(text), version, parseVersion(version));
}

/** Specifier, versions that fit, versions that don't: after PEP 440 and the tests of PyPA's packaging. */
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["", ["1", "1.0a1", "1.0+local"], []],
  ["==1.0", ["1", "1.0.0", "1.0+local", "v1.0"], ["1.0.post1", "1.0a1", "1.0.dev1", "1!1.0"]],
  ["==1.0+local", ["1.0+Local", "1+local"], ["1.0", "1.0+local.1"]],
  ["==1.1.*", ["1.1", "1.1.2", "1.1a1", "1.1.post1", "1.1.dev1", "1.1+local"], ["1", "1.2", "1.11", "1!1.1"]],
  ["==1.0.*", ["1", "1.0"], ["1.1"]],
  ["!=1.1.*", ["1.2", "1!1.1"], ["1.1", "1.1a1"]],
  ["!=1.0", ["1.0.post1", "1.0a1"], ["1.0", "1.0+local"]],
  ["~=2.2", ["2.2", "2.3", "2.2.post1", "2.9+local"], ["3.0", "2.1", "2.2a1"]],
  ["~=2.2.0", ["2.2", "2.2.5"], ["2.3"]],
  ["~=2.2.post3", ["2.2.post3", "2.3"], ["2.2", "3.0"]],
  ["~=1.4.5a4", ["1.4.5a4", "1.4.5", "1.4.9"], ["1.4.5a3", "1.5"]],
  ["~=1!2.2", ["1!2.3"], ["2.3", "1!3"]],
  // As docs/mirror.md tells it.
  ["<2.31", ["2.30rc1", "2.30"], ["2.31rc1", "2.31.dev1", "2.31"]],
  ["<2.31rc99", ["2.31rc1", "2.31.dev1"], ["2.31"]],
  ["<=1.0", ["1.0", "1.0+local", "1.0a1", "0.9"], ["1.0.post1"]],
  [">=1.0", ["1.0", "1.0+local", "1.0.post1", "1.1.dev1"], ["1.0rc1", "1.0.dev1"]],
  ["<2.0", ["1.9", "1.9rc1", "1.9+local"], ["2.0", "2.0rc1", "2.0.dev1", "2.0+local"]],
  ["<2.0rc2", ["2.0rc1", "2.0a1"], ["2.0rc2", "2.0"]],
  [">1.7", ["1.7.1", "1.8.dev1", "1.8+local"], ["1.7", "1.7.0.post1", "1.7.post1", "1.7+local"]],
  [">1.7.post1", ["1.7.post2", "1.7.post2.dev0", "1.7.1"], ["1.7.post1", "1.7.post1+local", "1.7"]],
  [">1.7rc1", ["1.7rc2", "1.7", "1.7+local", "1.7.post1"], ["1.7rc1", "1.7rc1.post1", "1.7rc1.dev1"]],
  [">1.7.dev1", ["1.7.dev2", "1.7a1", "1.7+local"], ["1.7.dev1", "1.7.dev1+local"]],
  ["<1.7.post1", ["1.7", "1.7rc1", "1.7.post0"], ["1.7.post1", "1.7.post1.dev1"]],
  ["===1.0", ["1.0"], ["1", "1.0.0", "1.0+local"]],
  ["=== Foo-1", ["foo-1"], ["foo-2"]],
  [">=1, <2, !=1.5,", ["1.4", "1.5.1"], ["0.9", "1.5", "2"]],
];

test("an operator means what PEP 440 says", () => {
  for (const [text, fitting, others] of CASES) {
    for (const version of fitting) assert.equal(matches(text, version), true, `${version} fits ${text}`);
    for (const version of others) assert.equal(matches(text, version), false, `${version} doesn't fit ${text}`);
  }
});

test("a version that can't be read fits nothing and is kept out of nothing, unless by its text", () => {
  assert.equal(matches(">=1", "2004d"), null);
  assert.equal(matches("!=1", "2004d"), null);
  assert.equal(matches("===2004D", "2004d"), true);
  assert.equal(matches("===2004e, >=1", "2004d"), false);
  assert.equal(matches("===2004d, >=1", "2004d"), null);
  assert.equal(matches("", "2004d"), true);
});

test("what is no specifier is refused with the part that is wrong", () => {
  for (const text of [
    "1.0",
    "=1.0",
    ">1.0.*",
    "~=1",
    "<1.0+local",
    "==1.0.dev1.*",
    "==1.0a1.*",
    "!=1.0.post1.*",
    "==1.0+local.*",
    "== 1 .0",
    ">=foo",
    "==99999999999999999999",
  ]) {
    const parsed = parseSpecifier(`>=0.1, ${text}`);
    assert.ok(!parsed.ok, text);
    assert.ok(parsed.failure.includes(JSON.stringify(text)), parsed.failure);
  }
});

test("a specifier of great length is refused", () => {
  assert.equal(parseSpecifier(">=1,".repeat(1_000)).ok, false);
});

test("only a lone equality pins a version", () => {
  for (const [text, pinned] of [
    ["==1.2", "1.2"],
    ["===1.2-foo", "1.2-foo"],
    ["== 1.2+cpu", "1.2+cpu"],
    ["==1.*", null],
    ["==1.2,>1", null],
    ["", null],
  ] as const)
    assert.equal(pinnedVersion(specifier(text)), pinned, text);
});

test("a clause with a pre-release asks for pre-releases", () => {
  assert.equal(specifier(">=1.0rc1").namesPrerelease, true);
  assert.equal(specifier(">=1.0,!=1.1rc1").namesPrerelease, false);
});

test("no text makes the parser or a match throw", () => {
  const letters = fc.string({ unit: fc.constantFrom(..."0123456789.*,=~!<>abcrdevpost+-_ ") });
  fc.assert(
    fc.property(fc.oneof(letters, fc.string()), letters, (text, version) => {
      const parsed = parseSpecifier(text);
      if (parsed.ok) specifierMatches(parsed.value, version, parseVersion(version));
    }),
    { numRuns: 3_000 },
  );
});
