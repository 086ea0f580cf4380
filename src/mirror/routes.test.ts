import assert from "node:assert/strict";
import test from "node:test";
import { routeOf } from "./routes.ts";

test("both roots lead to the list, with and without their slash", () => {
  assert.deepEqual(routeOf("/simple/"), { kind: "list" });
  assert.deepEqual(routeOf("/index/"), { kind: "list" });
  assert.deepEqual(routeOf("/simple"), { kind: "redirect", location: "simple/" });
  assert.deepEqual(routeOf("/index"), { kind: "redirect", location: "index/" });
});

test("a project's page has a normalised name and a slash; every other spelling is sent there", () => {
  assert.deepEqual(routeOf("/simple/numpy/"), { kind: "page", project: "numpy" });
  assert.deepEqual(routeOf("/simple/numpy"), { kind: "redirect", location: "numpy/" });
  assert.deepEqual(routeOf("/simple/Num.Py/"), { kind: "redirect", location: "../num-py/" });
  assert.deepEqual(routeOf("/simple/zope_interface"), { kind: "redirect", location: "zope-interface/" });
});

test("files, metadata, provenance and signatures are told by their suffix", () => {
  const file = "six-1.16.0-py2.py3-none-any.whl";
  for (const [suffix, artifact] of [
    ["", "file"],
    [".metadata", "metadata"],
    [".provenance", "provenance"],
    [".asc", "signature"],
  ] as const) {
    assert.deepEqual(routeOf(`/simple/six/${file}${suffix}`), {
      kind: "file",
      project: "six",
      filename: file + suffix,
      base: file,
      artifact,
    });
  }
});

test("a file below a name that is not normalised is sent on with its name encoded", () => {
  assert.deepEqual(routeOf("/simple/Six/six-1+a.whl"), { kind: "redirect", location: "../six/six-1%2Ba.whl" });
});

test("paths that climb, hide a slash or a NUL, or are no UTF-8 lead nowhere", () => {
  for (const path of [
    "/simple/../etc/",
    "/simple/six/..",
    "/simple/six/%2e%2e%2fpasswd",
    "/simple/six/a%2Fb.whl",
    "/simple/six/a%5Cb.whl",
    "/simple/six/a%00.whl",
    "/simple/six/x.whl/y",
    "/simple/%2e%2e/",
    "/simple//six/",
    "//simple/",
    "/cache/../x",
    "/nothing",
  ]) {
    assert.deepEqual(routeOf(path), { kind: "not-found" }, path);
  }
  assert.deepEqual(routeOf("/simple/%ff/"), { kind: "bad-path" });
});

test("what is kept is dropped by list, project or file", () => {
  assert.deepEqual(routeOf("/cache/list"), { kind: "drop", what: "list" });
  assert.deepEqual(routeOf("/cache/Num.Py"), { kind: "drop", what: { project: "num-py", filename: null } });
  assert.deepEqual(routeOf("/cache/numpy/numpy-1.whl"), { kind: "drop", what: { project: "numpy", filename: "numpy-1.whl" } });
});

test("explanations are for one project, or for what is posted", () => {
  assert.deepEqual(routeOf("/explain/NumPy"), { kind: "explain", project: "numpy" });
  assert.deepEqual(routeOf("/explain"), { kind: "explain-many" });
});
