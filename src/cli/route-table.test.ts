import assert from "node:assert/strict";
import { test } from "node:test";
import { curlLine, type Routed, samplePath } from "./route-table.ts";

function spec(route: string, methods: string[] | null = null): Routed {
  return { id: "x", route, methods };
}

test("every route has a path that it matches", () => {
  assert.deepEqual(["/", "/users/:id", "/files/*", "/*", "/a/:name/b"].map(samplePath), ["/", "/users/1", "/files/a/b", "/", "/a/world/b"]);
});

test("a function with a port of its own is tried there", () => {
  assert.equal(curlLine({ ...spec("/a"), port: 9001 }, "http://127.0.0.1:8080"), "curl http://127.0.0.1:9001/");
  assert.equal(curlLine({ ...spec("/a"), port: 9001 }, "https://[::1]:8080"), "curl -k 'https://[::1]:9001/'");
});

test("the line to try it uses a method that the function takes, and survives a shell", () => {
  assert.equal(curlLine(spec("/hello"), "http://127.0.0.1:8080"), "curl http://127.0.0.1:8080/hello");
  assert.equal(curlLine(spec("/v", ["POST"]), "http://127.0.0.1:8080"), "curl -d '{}' http://127.0.0.1:8080/v");
  assert.equal(curlLine(spec("/v", ["DELETE", "PUT"]), "https://localhost:1"), "curl -k -X DELETE https://localhost:1/v");
  assert.equal(curlLine(spec("/it's&more"), "http://h"), "curl 'http://h/it'\\''s&more'");
});
