import assert from "node:assert/strict";
import { test } from "node:test";
import { PROCESS_DEFAULTS, type ProcessSettings } from "../../../config/process-settings.ts";
import type { MachineFacts } from "../launch/machine-facts.ts";
import { FULL_FACTS, MAC_FACTS, USER_FACTS } from "../launch/testing/facts.ts";
import { criuLack } from "./criu-needs.ts";
import { snapshotTold } from "./snapshot-told.ts";

function lack(facts: Partial<MachineFacts> = {}, settings: Partial<ProcessSettings> = {}): string | null {
  return criuLack({ ...PROCESS_DEFAULTS, snapshot: "criu", ...settings }, { ...FULL_FACTS, ...facts });
}

test("a machine that has everything lacks nothing", () => {
  assert.equal(lack(), null);
  assert.equal(lack({}, { namespaces: ["network"], call: "ring" }), null);
});

test("what is missing is said, and what to do", () => {
  assert.match(lack(MAC_FACTS)!, /CRIU is for Linux, and this is darwin/);
  assert.match(lack(USER_FACTS)!, /as root, and this server is not; snapshot: fork/);
  const none = "there is no criu in PATH; install CRIU 4.2 or newer";
  assert.equal(lack({ criu: { file: null, version: null, lack: none } }), none);
  const pid = { ...FULL_FACTS.namespaces, pid: "Operation not permitted" };
  assert.match(lack({ namespaces: pid })!, /needs a PID namespace of its own: Operation not permitted/);
  assert.match(lack({ mountsProc: false })!, /a \/proc of its own, which can't be mounted/);
  assert.match(lack({ needsUserNamespace: true })!, /no PID namespace here without one/);
  assert.match(lack({ ffiLack: "no node:ffi" })!, /pipes have to be ones that can be replaced: no node:ffi/);
});

test("settings that can't go with it are named", () => {
  assert.match(lack({}, { namespaces: ["user"] })!, /leave `user` out of its namespaces/);
  assert.match(lack({}, { namespaces: ["network"], call: "http" })!, /can't be called by HTTP/);
  assert.match(lack({}, { call: "stdio" })!, /one-shot program has nothing to restore/);
});

test("validate says what becomes of it", () => {
  const settings = { ...PROCESS_DEFAULTS, snapshot: "criu" } as const;
  assert.deepEqual(snapshotTold(settings, FULL_FACTS), ["snapshot: criu: instances are restored by CRIU 4.2"]);
  assert.match(snapshotTold(settings, USER_FACTS)[0]!, /^snapshot: criu: instances are started: CRIU restores processes as root/);
  assert.deepEqual(snapshotTold(PROCESS_DEFAULTS, FULL_FACTS), []);
});
