import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf, endOfForked } from "./process-end.ts";

const HELD = { isHeld: true, wasKilled: false, because: null };
const FREE = { ...HELD, isHeld: false };

test("codes and signals are told as they came, and a shell's code for a signal as that", () => {
  assert.deepEqual(endOf(0, null, FREE), { code: 0, signal: null, told: "exit code 0" });
  assert.deepEqual(endOf(139, null, FREE), { code: 139, signal: null, told: "exit code 139" });
  assert.deepEqual(endOf(139, null, HELD), { code: null, signal: "SIGSEGV", told: "SIGSEGV" });
  assert.deepEqual(endOf(255, null, HELD), { code: 255, signal: null, told: "exit code 255" });
  assert.deepEqual(endOf(null, "SIGKILL", { ...HELD, because: "memory limit" }), {
    code: null,
    signal: "SIGKILL",
    told: "SIGKILL (memory limit)",
  });
});

test("an unshare that could not hand SIGKILL on is understood only when it was killed", () => {
  assert.equal(endOf(1, null, { ...HELD, wasKilled: true }).told, "SIGKILL");
  assert.equal(endOf(1, null, HELD).told, "exit code 1");
  assert.equal(endOf(3, null, { ...HELD, wasKilled: true }).told, "exit code 3");
});

test("a fork server's numbers are read, strange ones too", () => {
  assert.equal(endOfForked(5, 0).told, "exit code 5");
  assert.equal(endOfForked(0, 15).told, "SIGTERM");
  assert.equal(endOfForked(0, 9_999).signal, "SIGKILL");
});
