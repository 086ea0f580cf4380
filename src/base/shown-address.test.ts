import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { shownAddress, withoutKeys } from "./shown-address.ts";

test("addresses of indexes, pages and files are shown as they are", () => {
  for (const address of [
    "https://index.example/simple/",
    "https://index.example:8443/api/v4/projects/12345678/packages/pypi/simple/",
    "https://index.example/artifactory/api/pypi/our-python-virtual/simple/",
    "https://index.example/repository/MachineLearningPlatform/simple/",
    "https://index.example/repository/python3-packages-2024/simple/zope-interface/",
    "https://index.example/repository/release20241101/simple/",
    "https://index.example/repository/production2/simple/@team/",
    "https://index.example/our_organisation/_packaging/MyPyPIServer/pypi/simple/",
    "https://index.example/packages/torch-2.5.0+cu118.gitabc123def4567890-cp312-cp312-manylinux_2_17_x86_64.whl.metadata",
  ])
    assert.equal(shownAddress(address), address);
});

test("userinfo, query and fragment are not shown", () => {
  assert.equal(shownAddress("https://user:pass@index.example/a?token=secret#secret"), "https://index.example/a");
  assert.doesNotMatch(shownAddress("::secret::"), /secret/);
});

test("what looks like a key in a path is not shown, whatever stands around it", () => {
  for (const key of [
    "AbCdEfGhIjKlMnOp",
    "8f14e45fceea167a5a36dedd4bea2543",
    "k3jX9vQ2mZ7pL1wR",
    "1b2d7c2f-8a54-4f0e-9d0c-2f3b6b7a1c55",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N",
    "our-team-x7Kq2Vb9Tz4Lm",
    "k3jX9vQ2%6DZ7pL1wR",
    "AKIAIOSFODNN7EXAMPLE",
    "glpat-abcdefghijkl",
    "eyJhbGciOi.eyJ.",
    "abcdefghijklmnop.abcdefghijklmnop.abcdefghijklmnop",
    "JBSWYEDPEHPK3PXP",
    "mfrggzdfmz2wca",
    "a:b@c",
    "user%3Apass%40index.example",
    "https:user:pass@index.example-1.0.zip",
  ]) {
    assert.equal(shownAddress(`https://index.example/${key}/simple/`), "https://index.example/***/simple/", key);
    assert.equal(shownAddress(`https://index.example/org/${key}`), "https://index.example/org/***", key);
    assert.equal(withoutKeys(`index.example/${key}/simple`), "index.example/***/simple", key);
  }
});

test("a random key of 20 letters and digits is hardly ever shown", () => {
  const characters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"];
  const key = fc.array(fc.constantFrom(...characters), { minLength: 20, maxLength: 40 });
  const keys = fc.sample(key, { numRuns: 2_000, seed: 1 }).map((one) => one.join(""));
  const shown = keys.filter((one) => withoutKeys(one) === one);
  assert.ok(shown.length <= 10, `${shown.length} of ${keys.length}: ${shown.slice(0, 5).join(" ")}`);
});

test("no text makes it throw, and nothing is shown at length", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => void withoutKeys(text)));
  assert.ok(shownAddress(`https://index.example/${"a/".repeat(1_000)}`).length <= 300);
});
