import assert from "node:assert/strict";
import test from "node:test";
import { compare } from "@renovatebot/pep440";
import fc from "../../../test/support/properties.ts";
import { compareVersions, parseVersion, type Version } from "./version.ts";

/** From PEP 440's own list, with locals and epochs of packaging's test suite. */
const ASCENDING = [
  "1.0.dev456",
  "1.0a1",
  "1.0a2.dev456",
  "1.0a12.dev456",
  "1.0a12",
  "1.0b1.dev456",
  "1.0b2",
  "1.0b2.post345.dev456",
  "1.0b2.post345",
  "1.0rc1.dev456",
  "1.0rc1",
  "1.0",
  "1.0+abc.5",
  "1.0+abc.7",
  "1.0+5",
  "1.0+5.1",
  "1.0.post456.dev34",
  "1.0.post456",
  "1.0.15",
  "1.1.dev1",
  "1!0.1",
];

function version(text: string): Version {
  const parsed = parseVersion(text);
  assert.ok(parsed !== null, `${text} is a version`);
  return parsed;
}

test("versions have the order of PEP 440", () => {
  ASCENDING.forEach((one, place) => {
    ASCENDING.forEach((other, otherPlace) => {
      assert.equal(Math.sign(compareVersions(version(one), version(other))), Math.sign(place - otherPlace), `${one} and ${other}`);
    });
  });
});

test("spellings of one version are equal", () => {
  for (const spellings of [
    ["1.0", "v1", " 1.0.0 ", "0!1"],
    ["1.0rc1", "1.0-RC.1", "1.0c1", "1.0_pre1", "1.0.preview1"],
    ["1.0.post1", "1.0-1", "1.0rev1", "1.0-r1"],
    ["1.0+ubuntu.1", "1.0+Ubuntu-01", "1.0+ubuntu_1"],
  ])
    for (const spelling of spellings) assert.equal(compareVersions(version(spellings[0]!), version(spelling)), 0, spelling);
});

test("a local segment that looks like a number to JavaScript is a word", () => {
  assert.notEqual(compareVersions(version("1+1e5"), version("1+100000")), 0);
  assert.notEqual(compareVersions(version("1+0x10"), version("1+16")), 0);
  assert.ok(compareVersions(version("1+99999999999999999998"), version("1+99999999999999999999")) < 0);
});

test("what is no version, or can't be told from another, is none", () => {
  for (const text of [
    "",
    " ",
    "1.",
    "1.0+",
    "1.0+a+b",
    "1.0+ä",
    "2004d",
    "1.0 .post1",
    "1..0",
    "٣",
    "99999999999999999999",
    `1.${"0".repeat(300)}`,
  ])
    assert.equal(parseVersion(text), null, JSON.stringify(text));
});

test("the order is the package's wherever that reads numbers rightly", () => {
  const number = fc.nat({ max: 20 });
  const suffix = (letters: readonly string[]) => fc.option(fc.tuple(fc.constantFrom(...letters), number), { nil: null });
  const text = fc
    .tuple(
      fc.option(number, { nil: null }),
      fc.array(number, { minLength: 1, maxLength: 4 }),
      suffix(["a", "b", "rc"]),
      suffix([".post"]),
      suffix([".dev"]),
      fc.option(fc.array(fc.constantFrom("1", "2", "10", "abc", "b"), { minLength: 1, maxLength: 3 }), { nil: null }),
    )
    .map(([epoch, release, pre, post, dev, local]) =>
      [
        epoch === null ? "" : `${epoch}!`,
        release.join("."),
        ...[pre, post, dev].map((part) => (part === null ? "" : part.join(""))),
        local === null ? "" : `+${local.join(".")}`,
      ].join(""),
    );
  fc.assert(
    fc.property(text, text, (one, other) => {
      assert.equal(Math.sign(compareVersions(version(one), version(other))), Math.sign(compare(one, other)), `${one} and ${other}`);
    }),
    { numRuns: 2_000 },
  );
});

test("no text makes the parser throw", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123456789.abcrdevpost+-_! v") })), (text) => {
      const parsed = parseVersion(text);
      if (parsed !== null) assert.equal(compareVersions(parsed, parsed), 0);
    }),
    { numRuns: 2_000 },
  );
});
