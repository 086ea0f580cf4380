import assert from "node:assert/strict";
import { test } from "node:test";
import { NOTED } from "../../../../guest/wasi/channel.ts";
import { choosePreparation, type Findings } from "./choose-preparation.ts";

const SAFE: Findings = {
  unasked: null,
  noted: 0,
  changedDescriptors: false,
  fault: null,
  costs: { instanceUs: 2_700, resetUs: 1_000, checkpointUs: 100 },
};

function costs(instanceUs: number | null, resetUs: number | null, checkpointUs: number | null): Findings {
  return { ...SAFE, costs: { instanceUs, resetUs, checkpointUs } };
}

test("a checkpoint that is clearly cheaper is taken, with both costs in the reason", () => {
  const choice = choosePreparation(SAFE, false);
  assert.equal(choice.mode, "checkpoint");
  assert.match(choice.reason, /100 us by checkpoint, 1000 us by reset/);
});

test("a checkpoint that saves less than a quarter is not taken", () => {
  assert.equal(choosePreparation(costs(100, 10, 7.6), false).mode, "reset");
  assert.equal(choosePreparation(costs(100, 10, 7.5), false).mode, "checkpoint");
});

test("what can't be measured is not taken", () => {
  assert.equal(choosePreparation(costs(null, null, null), false).mode, "reset");
  assert.equal(choosePreparation(costs(100, 10, null), false).mode, "reset");
});

test("a module that costs more to put back than to make anew gets a new instance", () => {
  assert.equal(choosePreparation(costs(10, 20, 9), false).mode, "instance");
  assert.equal(choosePreparation(costs(10, 20, 7), false).mode, "checkpoint");
});

test("a module that reads random bytes or the clock before its question has a checkpoint only when its function says so", () => {
  for (const [noted, word] of [
    [NOTED.readRandom, /random bytes before/],
    [NOTED.readClock, /the clock before/],
    [NOTED.readRandom | NOTED.readClock, /random bytes and the clock before/],
  ] as const) {
    const refused = choosePreparation({ ...SAFE, noted }, false);
    assert.equal(refused.mode, "reset");
    assert.match(refused.reason, word);
    assert.match(refused.reason, /say checkpoint: true/);
    assert.equal(choosePreparation({ ...SAFE, noted }, true).mode, "checkpoint");
  }
});

test("what reaches outside of the module before its question can't be done once for all requests, whatever its function says", () => {
  for (const [findings, reason] of [
    [{ noted: NOTED.openedFile }, /opens files/],
    [{ noted: NOTED.usedHost }, /uses the host/],
    [{ noted: NOTED.touchedRequest }, /logs, or looks/],
    [{ noted: NOTED.slept }, /sleeps/],
    [{ changedDescriptors: true }, /changes its descriptors/],
    [{ unasked: "it ended with exit code 3 without asking for its request" }, /exit code 3/],
    [{ fault: "it does not come back to its question unchanged" }, /come back/],
  ] as const) {
    const choice = choosePreparation({ ...SAFE, ...findings }, true);
    assert.equal(choice.mode, "reset");
    assert.match(choice.reason, reason);
  }
});
