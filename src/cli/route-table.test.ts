import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionSpec } from "../serve/function-spec.ts";
import { curlLine, samplePath } from "./route-table.ts";

function spec(route: string, methods: string[] | null = null): FunctionSpec {
  return {
    id: "x",
    route,
    methods,
    engine: "javascript",
    file: "/x.ts",
    memoryMaxBytes: 1,
    timeoutMs: 1,
    cpuTimeoutMs: 1,
    poolSize: 1,
    isolation: { kind: "shared" },
    env: {},
    allow: {},
    bundle: null,
    failure: null,
  };
}

test("every route has a path that it matches", () => {
  assert.deepEqual(["/", "/users/:id", "/files/*", "/*", "/a/:name/b"].map(samplePath), ["/", "/users/1", "/files/a/b", "/", "/a/world/b"]);
});

test("the line to try it uses a method that the function takes, and survives a shell", () => {
  assert.equal(curlLine(spec("/hello"), "http://127.0.0.1:8080"), "curl http://127.0.0.1:8080/hello");
  assert.equal(curlLine(spec("/v", ["POST"]), "http://127.0.0.1:8080"), "curl -d '{}' http://127.0.0.1:8080/v");
  assert.equal(curlLine(spec("/v", ["DELETE", "PUT"]), "https://localhost:1"), "curl -k -X DELETE https://localhost:1/v");
  assert.equal(curlLine(spec("/it's&more"), "http://h"), "curl 'http://h/it'\\''s&more'");
});
