import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../test/support/properties.ts";
import { isProjectName, normaliseName } from "./project-name.ts";

test("runs of dots, dashes and underscores are one dash, and case is lost", () => {
  for (const [name, normal] of [
    ["numpy", "numpy"],
    ["NumPy", "numpy"],
    ["Num.Py", "num-py"],
    ["zope_interface", "zope-interface"],
    ["Friendly-._.-bard", "friendly-bard"],
    ["a--b", "a-b"],
    ["A_.-b", "a-b"],
    ["a-b", "a-b"],
  ] as const) {
    assert.equal(normaliseName(name), normal, name);
  }
});

test("a normal name stays as it is", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => normaliseName(normaliseName(name)) === normaliseName(name)));
});

test("a name is letters, digits and inner separators, and nothing else", () => {
  for (const good of ["a", "7", "numpy", "Zope.Interface", "a--b", "backports.ssl_match-hostname", "x".repeat(255)]) {
    assert.equal(isProjectName(good), true, good);
  }
  for (const bad of [
    "",
    ".",
    "..",
    "-a",
    "a-",
    "_a",
    "a.",
    "a/b",
    "a\\b",
    "../a",
    "a%2fb",
    "a b",
    "a\n",
    "a\0",
    "a?b",
    "ä",
    "\u212A", // The Kelvin sign is a "k" to a careless comparison without case.
    "x".repeat(256),
  ]) {
    assert.equal(isProjectName(bad), false, JSON.stringify(bad));
  }
});

test("a name stays one when it is normalised", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?$/), (name) => {
      const normal = normaliseName(name);
      return isProjectName(normal) && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(normal);
    }),
  );
});
