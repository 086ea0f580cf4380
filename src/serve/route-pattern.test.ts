import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeSegment, encodeSegment, engineByName, idOf, patternFault, patternShape, restNameOf, routeOf } from "./route-pattern.ts";

test("a file's place in the folder is its route", () => {
  for (const [file, route] of [
    ["hello.ts", "/hello"],
    ["index.ts", "/"],
    ["api/index.ts", "/api"],
    ["api/users/[id].ts", "/api/users/:id"],
    ["[tenant]/orders/[order].tsx", "/:tenant/orders/:order"],
    ["files/[...path].ts", "/files/*"],
    ["[...all].js", "/*"],
    ["v1.2/data.mjs", "/v1.2/data"],
    ["two words.ts", "/two%20words"],
    ["py/report", "/py/report"],
  ] as const) {
    assert.equal(routeOf(idOf(file)), route, file);
  }
});

test("the rest parameter has the name that the file gives it", () => {
  assert.equal(restNameOf("files/[...path]"), "path");
  assert.equal(restNameOf("main"), null);
});

test("modules, tests, types, configuration and documents are no functions", () => {
  for (const name of [
    "_db.ts",
    ".env",
    "hello.test.ts",
    "hello.d.ts",
    "hello.http",
    "data.json",
    "README.md",
    "vite.config.ts",
    "hello.js.map",
    "pilotlight.yaml",
  ]) {
    assert.equal(engineByName(name), "none", name);
  }
  for (const name of ["a.ts", "a.tsx", "a.mts", "a.js", "a.jsx", "a.mjs", "a.cjs", "a.cts"])
    assert.equal(engineByName(name), "javascript", name);
  assert.equal(engineByName("order.wasm"), "wasm");
  assert.equal(engineByName("report"), "unknown");
});

test("a route that could not be matched is refused with the reason", () => {
  for (const good of ["/", "/a", "/a/:id", "/a/*", "/*", "/a/"]) assert.equal(patternFault(good), null, good);
  for (const [bad, reason] of [
    ["a", /begin with/],
    ["/a?b", /without \?/],
    ["/*/a", /only at its end/],
    ["/a*", /whole segment/],
    ["/a//b", /empty segment/],
    ["/:a/:a", /twice/],
    ["/:", /parameter named ""/],
    ["/:__proto__", /parameter named "__proto__"/],
  ] as const) {
    assert.match(patternFault(bad) ?? "", reason, bad);
  }
});

test("patterns with other parameter names have the same shape", () => {
  assert.equal(patternShape("/a/:x/*"), patternShape("/a/:y/*"));
  assert.equal(patternShape("/two words"), patternShape("/two%20words"));
  assert.notEqual(patternShape("/a/:x"), patternShape("/a/x"));
});

test("segments are encoded as browsers send them and decoded again", () => {
  assert.equal(encodeSegment("a b/é@:"), "a%20b%2F%C3%A9@:");
  assert.equal(decodeSegment("a%20b%2F%C3%A9@:"), "a b/é@:");
  assert.equal(decodeSegment("%zz"), null);
  assert.equal(decodeSegment("%ff"), null);
});
