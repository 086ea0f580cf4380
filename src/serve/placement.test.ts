import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Isolation } from "../config/config.ts";
import type { FunctionSpec } from "./function-spec.ts";
import { type DeployedFunction, ISOLATED_DEATHS_MAX, PlacementTable, PROBATION_MAX_COUNT } from "./placement.ts";

let table: PlacementTable;
beforeEach(() => {
  table = new PlacementTable((id) => `/sockets/${id}`);
});

function deployed(id: string, change: { isolation?: Isolation["kind"]; stamp?: string; hash?: string | null } = {}): DeployedFunction {
  const spec = { id, isolation: { kind: change.isolation ?? "shared" } } as FunctionSpec;
  return { spec, code: { bundleHash: change.hash ?? null, stamp: change.stamp ?? "1" } };
}

function whereIs(id: string): string {
  const placement = table.placementOf(id);
  if (placement === null) return "shared";
  return placement.where === "dedicated" ? placement.why : "quarantine";
}

test("a function runs in the shared workers until something happens", () => {
  table.deploy([deployed("hello")]);
  assert.deepEqual(table.placements(), []);
});

test("a worker's death puts the functions in flight on probation, each on its own socket", () => {
  table.deploy([deployed("a"), deployed("b"), deployed("c")]);
  assert.deepEqual(table.sharedWorkerDied(["a", "c"]), ["a", "c"]);
  assert.deepEqual(table.placements(), [
    { functionId: "a", where: "dedicated", socketPath: "/sockets/a", why: "probation" },
    { functionId: "c", where: "dedicated", socketPath: "/sockets/c", why: "probation" },
  ]);
});

test("a cleared function returns to the shared workers", () => {
  table.deploy([deployed("a")]);
  table.sharedWorkerDied(["a"]);
  assert.equal(table.cleared("a"), true);
  assert.equal(whereIs("a"), "shared");
  assert.equal(table.cleared("a"), false);
});

test("a function that kills its own worker too is quarantined with the reason", () => {
  table.deploy([deployed("bomb")]);
  table.sharedWorkerDied(["bomb"]);
  assert.equal(table.dedicatedWorkerDied("bomb", true, "SIGSEGV"), true);
  const placement = table.placementOf("bomb");
  assert.ok(placement?.where === "quarantine");
  assert.match(placement.reason, /bomb ended its worker process twice \(SIGSEGV\)/);
  assert.equal(table.cleared("bomb"), false);
});

test("killing an idle probation worker from outside accuses nobody", () => {
  table.deploy([deployed("a")]);
  table.sharedWorkerDied(["a"]);
  assert.equal(table.dedicatedWorkerDied("a", false, "SIGKILL"), false);
  assert.equal(whereIs("a"), "probation");
});

test("quarantine survives a reload of the same code and ends when the code changes", () => {
  table.deploy([deployed("bomb", { hash: "h1" })]);
  table.sharedWorkerDied(["bomb"]);
  table.dedicatedWorkerDied("bomb", true, "SIGABRT");
  table.deploy([deployed("bomb", { hash: "h1", stamp: "touched" })]);
  assert.equal(whereIs("bomb"), "quarantine");
  table.deploy([deployed("bomb", { hash: "h2" })]);
  assert.equal(whereIs("bomb"), "shared");
});

test("a bundle that becomes known is no change of code", () => {
  table.deploy([deployed("bomb")]);
  table.built("bomb", "h1");
  table.sharedWorkerDied(["bomb"]);
  table.dedicatedWorkerDied("bomb", true, "SIGABRT");
  table.deploy([deployed("bomb", { hash: "h1" })]);
  assert.equal(whereIs("bomb"), "quarantine");
  table.deploy([deployed("bomb")]);
  assert.equal(whereIs("bomb"), "quarantine");
});

test("probation outlives a reload, unless the code changed", () => {
  table.deploy([deployed("a"), deployed("b")]);
  table.sharedWorkerDied(["a", "b"]);
  table.deploy([deployed("a"), deployed("b", { stamp: "2" })]);
  assert.equal(whereIs("a"), "probation");
  assert.equal(whereIs("b"), "shared");
});

test("a removed function is forgotten, quarantine included", () => {
  table.deploy([deployed("bomb")]);
  table.sharedWorkerDied(["bomb"]);
  table.dedicatedWorkerDied("bomb", true, "SIGABRT");
  table.deploy([]);
  table.deploy([deployed("bomb")]);
  assert.equal(whereIs("bomb"), "shared");
});

test("isolation process is a placement from the start and gets three chances", () => {
  table.deploy([deployed("tenant", { isolation: "process" })]);
  assert.equal(whereIs("tenant"), "isolation");
  for (let death = 1; death < ISOLATED_DEATHS_MAX; death++) assert.equal(table.dedicatedWorkerDied("tenant", true, "SIGSEGV"), false);
  assert.equal(table.dedicatedWorkerDied("tenant", true, "SIGSEGV"), true);
  assert.equal(whereIs("tenant"), "quarantine");
  table.deploy([deployed("tenant", { isolation: "process", stamp: "2" })]);
  assert.equal(whereIs("tenant"), "isolation");
});

test("deaths of an isolated function are forgiven after a healthy time", () => {
  table.deploy([deployed("tenant", { isolation: "process" })]);
  for (let death = 0; death < 10; death++) {
    assert.equal(table.dedicatedWorkerDied("tenant", true, "SIGSEGV"), false);
    table.healthy("tenant");
  }
});

test("changing the isolation of a function moves it", () => {
  table.deploy([deployed("a", { isolation: "process" })]);
  table.deploy([deployed("a")]);
  assert.equal(whereIs("a"), "shared");
  table.sharedWorkerDied(["a"]);
  table.deploy([deployed("a", { isolation: "process" })]);
  assert.equal(whereIs("a"), "isolation");
});

test("more suspects than there may be probations stay shared and may be caught later", () => {
  const ids = Array.from({ length: PROBATION_MAX_COUNT + 3 }, (_, index) => `f${index}`);
  table.deploy(ids.map((id) => deployed(id)));
  assert.equal(table.sharedWorkerDied(ids).length, PROBATION_MAX_COUNT);
  assert.equal(table.placements().length, PROBATION_MAX_COUNT);
  table.cleared("f0");
  assert.deepEqual(table.sharedWorkerDied(["f9"]), ["f9"]);
});

test("a name nobody deployed is ignored: the flight record comes from a process that ran hostile code", () => {
  table.deploy([deployed("a")]);
  assert.deepEqual(table.sharedWorkerDied(["../../etc/passwd", "b"]), []);
  assert.deepEqual(table.placements(), []);
});
