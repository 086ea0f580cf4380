import assert from "node:assert/strict";
import { test } from "node:test";
import { type LoadOptions, makePlan } from "./make-plan.ts";
import type { LoadPlan } from "./plan.ts";

function planOf(options: Partial<LoadOptions>): LoadPlan {
  const plan = makePlan({ url: "http://example.test", ...options });
  assert.ok(plan.ok, JSON.stringify(plan));
  return plan.value;
}

test("a URL alone is fifty users for ten seconds", () => {
  const plan = planOf({});
  assert.deepEqual(plan.target, { protocol: "http:", host: "example.test", port: 80, path: "/" });
  assert.deepEqual(plan.arrivals, { kind: "closed", users: 50, thinkMs: 0 });
  assert.deepEqual(
    [plan.durationMs, plan.requestMaxCount, plan.threadCount, plan.method, plan.timeoutMs],
    [10_000, null, 1, "GET", 30_000],
  );
});

test("URLs as people type them", () => {
  const cases: readonly (readonly [string, LoadPlan["target"]])[] = [
    ["localhost:8080/a?b=1", { protocol: "http:", host: "localhost", port: 8080, path: "/a?b=1" }],
    ["https://[::1]/x#part", { protocol: "https:", host: "::1", port: 443, path: "/x" }],
    ["HTTP://h:80", { protocol: "http:", host: "h", port: 80, path: "/" }],
  ];
  for (const [url, target] of cases) assert.deepEqual(planOf({ url }).target, target);
  for (const url of ["", "http://", "http://h:99999", "file:///x", "http://me:secret@h/"]) assert.ok(!makePlan({ url }).ok, url);
});

test("a count of requests needs no duration, and a ramp always has one", () => {
  assert.deepEqual([planOf({ requests: "5" }).durationMs, planOf({ requests: "5", duration: "2s" }).durationMs], [null, 2_000]);
  assert.equal(planOf({ requests: "5", ramp: "1..9" }).durationMs, 10_000);
  assert.equal(planOf({ steps: "10:1s,20:2s" }).durationMs, null);
});

test("two threads where the load is high and cores are many, never more than connections", () => {
  assert.equal(planOf({ rate: "50000", coreCount: 4 }).threadCount, 2);
  assert.equal(planOf({ connections: "2000", coreCount: 8 }).threadCount, 2);
  assert.equal(planOf({ rate: "50000", coreCount: 2 }).threadCount, 1);
  assert.equal(planOf({ threads: "8", connections: "3" }).threadCount, 3);
});

test("data makes it a POST, and a template is cut where values go in", () => {
  const plan = planOf({ data: Buffer.from("a{{ sequence }}b{{uuid}}"), template: true });
  assert.equal(plan.method, "POST");
  assert.deepEqual(plan.body, { kind: "template", parts: ["a", { fill: "sequence" }, "b", { fill: "uuid" }] });
  assert.equal(planOf({ data: Buffer.from("x"), method: "put" }).method, "PUT");
});

test("all mistakes are told together", () => {
  const plan = makePlan({ url: "ftp://x", connections: "0", duration: "x", headers: ["broken", "a: ü€"], "check-status": ["99"] });
  assert.ok(!plan.ok);
  assert.equal(plan.failure.length, 6);
});

test("what would leave in one write is bounded", () => {
  const data = Buffer.alloc(10 * 2 ** 20);
  assert.ok(!makePlan({ url: "h", data, pipelining: "8" }).ok);
  assert.equal(planOf({ data, pipelining: "4" }).pipelining, 4);
});
