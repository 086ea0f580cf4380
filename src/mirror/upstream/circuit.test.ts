import assert from "node:assert/strict";
import { test } from "node:test";
import type { UpstreamFailure } from "../failures.ts";
import { Circuit, WHILE_MAX_MS } from "./circuit.ts";

const REFUSED: UpstreamFailure = { code: "UPSTREAM_UNREACHABLE", url: "https://index.example/", reason: "connection refused" };
const FORBIDDEN: UpstreamFailure = { code: "UPSTREAM_STATUS", url: "https://index.example/", status: 403, retryAfterMs: null };

function openedAt(nowMs: number): Circuit {
  const circuit = new Circuit(3);
  circuit.failed("go", REFUSED, nowMs);
  circuit.failed("go", REFUSED, nowMs);
  assert.equal(circuit.failed("go", REFUSED, nowMs), "opened");
  return circuit;
}

test("it opens after so many failures in a row, and a success between them starts the count anew", () => {
  const circuit = new Circuit(3);
  circuit.failed("go", REFUSED, 0);
  circuit.failed("go", REFUSED, 0);
  assert.equal(circuit.succeeded("go", 0), null);
  assert.equal(circuit.failed("go", REFUSED, 0), null);
  assert.equal(circuit.failed("go", REFUSED, 0), null);
  assert.equal(circuit.admit(0), "go");
  assert.equal(circuit.failed("go", REFUSED, 0), "opened");
  assert.equal(circuit.admit(0), "refuse");
  assert.equal(circuit.lastFailure, REFUSED);
});

test("an answer that is no use still shows that the server is there", () => {
  const circuit = new Circuit(2);
  circuit.failed("go", REFUSED, 0);
  circuit.failed("go", FORBIDDEN, 0);
  assert.equal(circuit.failed("go", REFUSED, 0), null);
  assert.equal(circuit.failuresInARow, 3);
  assert.equal(circuit.admit(0), "go");
});

test("after the while one request may try, and the others go on failing at once", () => {
  const circuit = openedAt(0);
  assert.equal(circuit.admit(999), "refuse");
  assert.equal(circuit.admit(1_000), "probe");
  assert.equal(circuit.admit(1_000), "refuse");
  assert.equal(circuit.succeeded("probe", 1_100), "closed");
  assert.equal(circuit.admit(1_100), "go");
  assert.equal(circuit.lastFailure, null);
  assert.equal(circuit.lastSuccessAtMs, 1_100);
});

test("each probe that fails doubles the while, up to a minute", () => {
  const circuit = openedAt(0);
  let nowMs = 0;
  const whiles: number[] = [];
  for (let probe = 0; probe < 9; probe++) {
    const fromMs = nowMs;
    while (circuit.admit(nowMs) === "refuse") nowMs += 500;
    whiles.push(nowMs - fromMs);
    assert.equal(circuit.failed("probe", REFUSED, nowMs), null);
  }
  assert.deepEqual(whiles, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test("a probe that nobody waited for leaves the try to the next", () => {
  const circuit = openedAt(0);
  assert.equal(circuit.admit(1_000), "probe");
  circuit.givenUp("probe");
  assert.equal(circuit.admit(1_000), "probe");
});

test("requests under way when it opened don't make the while longer", () => {
  const circuit = openedAt(0);
  assert.equal(circuit.failed("go", REFUSED, 900), null);
  assert.equal(circuit.admit(1_000), "probe");
});

test("Retry-After makes the while longer, within the bound", () => {
  const busy = (retryAfterMs: number): UpstreamFailure => ({ code: "UPSTREAM_STATUS", url: "u", status: 429, retryAfterMs });
  const patient = new Circuit(1);
  patient.failed("go", busy(20_000), 0);
  assert.equal(patient.admit(19_999), "refuse");
  assert.equal(patient.admit(20_000), "probe");
  const endless = new Circuit(1);
  endless.failed("go", busy(86_400_000), 0);
  assert.equal(endless.admit(WHILE_MAX_MS), "probe");
});

test("a clock that is set back opens the way to a probe", () => {
  const circuit = openedAt(1_000_000);
  assert.equal(circuit.admit(10), "probe");
});
