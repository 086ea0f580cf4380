import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { decodeSegment, patternShape } from "./route-pattern.ts";
import { createRouter, NO_PARAMS } from "./router.ts";

const routerOf = (...routes: string[]) => createRouter(routes.map((route) => ({ route, restName: "rest", target: route })));

test("a static path is found without allocating", () => {
  const router = routerOf("/hello", "/:id");
  const match = router.match("/hello");
  assert.equal(match?.target, "/hello");
  assert.equal(match?.params, NO_PARAMS);
  assert.equal(router.match("/hello"), match);
});

test("the most specific route wins: static, then parameter, then rest", () => {
  const router = routerOf("/users/me", "/users/:id", "/users/*", "/*");
  assert.equal(router.match("/users/me")?.target, "/users/me");
  assert.equal(router.match("/users/5")?.target, "/users/:id");
  assert.equal(router.match("/users/5/orders")?.target, "/users/*");
  assert.equal(router.match("/other")?.target, "/*");
});

test("a branch that leads nowhere is left again", () => {
  const router = routerOf("/a/b/c", "/a/:x/d", "/:y/b/*");
  assert.deepEqual({ ...router.match("/a/b/d") }, { target: "/a/:x/d", params: { x: "b" } });
  assert.deepEqual({ ...router.match("/a/b/e") }, { target: "/:y/b/*", params: { y: "a", rest: "e" } });
});

test("a slash at the end falls back to the route without it", () => {
  const router = routerOf("/hello", "/users/:id", "/");
  assert.equal(router.match("/hello/")?.target, "/hello");
  assert.deepEqual(router.match("/users/5/")?.params, { id: "5" });
  assert.equal(router.match("/")?.target, "/");
  assert.equal(router.match("/hello//"), null);
});

test("rest routes own their own root and everything below", () => {
  const router = routerOf("/files/*");
  assert.deepEqual(router.match("/files/a/b.txt")?.params, { rest: "a/b.txt" });
  assert.deepEqual(router.match("/files/")?.params, { rest: "" });
  assert.deepEqual(router.match("/files")?.params, { rest: "" });
  assert.equal(router.match("/filesystem"), null);
  assert.deepEqual(routerOf("/*").match("/")?.params, { rest: "" });
});

test("parameters are decoded once, and an encoded slash does not split", () => {
  const router = routerOf("/users/:id", "/two%20words");
  assert.deepEqual(router.match("/users/a%2Fb%2541")?.params, { id: "a/b%41" });
  assert.equal(router.match("/two%20words")?.target, "/two%20words");
  assert.equal(router.match("/%74wo%20words")?.target, "/two%20words");
});

test("a malformed parameter is told from no match", () => {
  const router = routerOf("/users/:id", "/files/*");
  assert.deepEqual(router.match("/users/%zz"), { target: "/users/:id", params: null });
  assert.deepEqual(router.match("/files/ok/%ff"), { target: "/files/*", params: null });
  assert.equal(router.match("/%zz"), null);
});

test("parameters named like object members are plain properties", () => {
  const params = routerOf("/:constructor/:toString").match("/a/b")?.params;
  assert.deepEqual(Object.entries(params ?? {}), [
    ["constructor", "a"],
    ["toString", "b"],
  ]);
});

test("of two routes with one shape the first is served, and a bad one is left out", () => {
  const router = routerOf("/a/:x", "/a/:y", "no-slash");
  assert.equal(router.match("/a/1")?.target, "/a/:x");
});

test("a path of ten thousand segments is answered at once", () => {
  const router = routerOf("/a/a/a/a", "/:x/a/a/:y", "/a/:x/:y/*");
  assert.equal(router.match(`/${"a/".repeat(10_000)}b`)?.target, "/a/:x/:y/*");
  assert.equal(routerOf("/a/b").match("/".repeat(10_000)), null);
});

/** The rules said once more, slowly: every route is tried, and the best by segment kinds wins. */
function naiveMatch(routes: readonly string[], path: string): string | null {
  const matches = routes.filter((route) => {
    const wanted = route.split("/").slice(1);
    let given = path.split("/").slice(1);
    if (given.at(-1) === "" && wanted.at(-1) !== "") given = given.slice(0, -1);
    if (wanted.at(-1) === "*") {
      const fixed = wanted.slice(0, -1);
      return given.length >= fixed.length && fixed.every((text, index) => segmentMatches(text, given[index]!));
    }
    return wanted.length === given.length && wanted.every((text, index) => segmentMatches(text, given[index]!));
  });
  const rank = (route: string) =>
    [
      ...route
        .split("/")
        .slice(1)
        .map((text) => (text === "*" ? 3 : text.startsWith(":") ? 2 : 1)),
      0,
    ].join("");
  return matches.sort((a, b) => (rank(a) < rank(b) ? -1 : 1))[0] ?? null;
}

function segmentMatches(wanted: string, given: string): boolean {
  return wanted.startsWith(":") ? given !== "" : decodeSegment(wanted) === decodeSegment(given);
}

test("any routes and any path give what a naive matcher gives", () => {
  const segment = fc.constantFrom("a", "b", "c%20d", ":x");
  const pattern = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([parts, rest]) => `/${parts.map((part, index) => (part === ":x" ? `:x${index}` : part)).join("/")}${rest ? "/*" : ""}`);
  const path = fc
    .tuple(fc.array(fc.constantFrom("a", "b", "c%20d", "%61", "z", "%zz"), { minLength: 1, maxLength: 6 }), fc.boolean())
    .map(([parts, slash]) => `/${parts.join("/")}${slash ? "/" : ""}`);
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 8, selector: patternShape }), path, (routes, asked) => {
      assert.equal(routerOf(...routes).match(asked)?.target ?? null, naiveMatch(routes, asked));
    }),
    { numRuns: 500 },
  );
});
