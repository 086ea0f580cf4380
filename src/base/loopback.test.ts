import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback } from "./loopback.ts";

test("loopback addresses are known by value, not by how they begin", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) assert.ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "127.1.example", "127.0.0.999", ""]) {
    assert.ok(!isLoopback(host), host);
  }
});
