import assert from "node:assert/strict";
import test from "node:test";
import fc from "../../../test/support/properties.ts";
import { isDistributionFile, isFileName, parseDistributionName } from "./distribution-name.ts";

/** "project version kind", or null. */
function parsed(filename: string, knownProject?: string): string | null {
  const name = parseDistributionName(filename, knownProject);
  return name === null ? null : `${name.project} ${name.version} ${name.kind}`;
}

test("a wheel's name is five parts, or six with a build tag", () => {
  assert.equal(parsed("distribution-1.0-1-py27-none-any.whl"), "distribution 1.0 wheel");
  assert.equal(parsed("numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"), "numpy 2.1.0 wheel");
  assert.equal(parsed("Zope.Interface-5.0-py3-none-any.WHL"), "zope-interface 5.0 wheel");
  assert.equal(parsed("torch-2.1.0+cpu.cxx11_abi-cp311-cp311-linux_x86_64.whl"), "torch 2.1.0+cpu.cxx11.abi wheel");
  assert.equal(parsed("old-1.0_1-py2-none-any.whl"), "old 1.0-1 wheel");
  for (const bad of [
    "foo-1.0.whl",
    "foo-1.0-py3-none.whl",
    "zope-interface-5.0-py3-none-any-more.whl",
    "foo-1.0-x1-py3-none-any.whl",
    "foo-1.0--none-any.whl",
    "foo--py3-none-any.whl",
    "-1.0-py3-none-any.whl",
    "_foo-1.0-py3-none-any.whl",
    ".whl",
  ]) {
    assert.equal(parsed(bad), null, bad);
  }
});

test("an sdist's name ends with its version", () => {
  for (const ending of [".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".tar.Z", ".tar", ".TAR.GZ"]) {
    assert.equal(parsed(`holygrail-1.0${ending}`), "holygrail 1.0 sdist", ending);
  }
  assert.equal(parsed("foo_bar-1.0.dev3+local.1.tar.gz"), "foo-bar 1.0.dev3+local.1 sdist");
  assert.equal(parsed("py-3to2-1.0.tar.gz"), "py-3to2 1.0 sdist");
  assert.equal(parsed("foo.tar.gz"), null);
  assert.equal(parsed("foo-.tar.gz"), null);
  assert.equal(parsed("foo-1.0.tar.gz.asc"), null);
});

test("old sdist names with dashes split right, best with the project known", () => {
  assert.equal(parsed("zope-interface-5.0.tar.gz"), "zope-interface 5.0 sdist");
  assert.equal(parsed("zope-interface-5.0.tar.gz", "zope-interface"), "zope-interface 5.0 sdist");
  assert.equal(parsed("zope.interface-5.0.tar.gz", "zope-interface"), "zope-interface 5.0 sdist");
  assert.equal(parsed("foo-1.0-rc1.tar.gz"), "foo 1.0-rc1 sdist");
  assert.equal(parsed("foo-1.0-1.tar.gz", "foo"), "foo 1.0-1 sdist");
  assert.equal(parsed("foo-2-1.0.tar.gz", "foo-2"), "foo-2 1.0 sdist");
  assert.equal(parsed("foo-dev-r17.zip", "foo"), "foo dev-r17 sdist");
  // A file of another project on the page says so.
  assert.equal(parsed("bar-1.0.tar.gz", "foo"), "bar 1.0 sdist");
});

test("eggs and installers are told by their makers' rules", () => {
  assert.equal(parsed("setuptools-0.6c11-py2.7.egg"), "setuptools 0.6c11 other");
  assert.equal(parsed("zope.interface-4.0_1-py2.7-linux-x86_64.egg"), "zope-interface 4.0-1 other");
  assert.equal(parsed("foo-1.0.egg"), "foo 1.0 other");
  assert.equal(parsed("foo-bar-1.0.egg"), null);
  assert.equal(parsed("foo-1.0.win32-py2.7.exe"), "foo 1.0 other");
  assert.equal(parsed("foo-bar-1.0.win-amd64-py2.7.msi", "foo-bar"), "foo-bar 1.0 other");
  assert.equal(parsed("foo-1.0-1.noarch.rpm"), "foo 1.0 other");
  assert.equal(parsed("foo-1.0.linux-x86_64.tar.gz"), "foo 1.0 other");
  assert.equal(parsed("foo-1.0.macosx-10.9-x86_64.tar.gz"), "foo 1.0 other");
});

test("a file name has no path, no escape and nothing invisible", () => {
  for (const good of ["a", "foo-1.0.tar.gz", "foo..bar-1.0.zip", "foo-1.0+cu118-py3-none-any.whl", "größe-1.0.zip", "a b.zip", "~"]) {
    assert.equal(isFileName(good), true, good);
  }
  for (const bad of [
    "",
    ".",
    "..",
    ".hidden",
    "../x",
    "a/b",
    "a\\b",
    "a%2fb",
    "a\0",
    "a\n",
    "a\x7f",
    "a\x9b",
    " a",
    "a ",
    "a\u202egpj.whl",
    "a\u2028b",
    "a\ud800b",
    "x".repeat(256),
  ]) {
    assert.equal(isFileName(bad), false, JSON.stringify(bad));
  }
});

test("distributions are told from what lies beside them", () => {
  for (const yes of ["a-1.whl", "a-1.tar.gz", "a-1.zip", "a-1.egg", "a-1.exe"]) assert.equal(isDistributionFile(yes), true, yes);
  for (const no of ["a-1.whl.metadata", "a-1.tar.gz.asc", "a-1.whl.provenance", "index.html", "a/b.whl", "whl"]) {
    assert.equal(isDistributionFile(no), false, no);
  }
});

test("whatever the name, parsing ends, and what it finds is a project", () => {
  const tail = fc.constantFrom(".whl", ".tar.gz", ".zip", ".egg", ".exe", ".rpm", "");
  const stem = fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[a-z0-9._+-]{0,60}$/), fc.string());
  fc.assert(
    fc.property(stem, tail, (name, ending) => {
      const found = parseDistributionName(name + ending);
      assert.ok(found === null || (/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(found.project) && found.version !== ""));
    }),
  );
  assert.ok(parseDistributionName(`foo-1.0${"rc".repeat(100)}!.tar.gz`) !== null);
});
