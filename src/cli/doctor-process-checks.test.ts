import assert from "node:assert/strict";
import { test } from "node:test";
import { BARE_FACTS, FULL_FACTS, MAC_FACTS, USER_FACTS } from "../engines/process/launch/testing/facts.ts";
import { judgeProcesses } from "./doctor-process-checks.ts";

function amiss(facts = FULL_FACTS) {
  return judgeProcesses(facts).filter(({ state }) => state !== "ok");
}

test("a machine that has everything for process functions has no findings", () => {
  assert.deepEqual(amiss(), []);
});

test("every lack names its cost and what mends it, and none keeps from serving", () => {
  const lacks: [Partial<typeof FULL_FACTS>, string, RegExp][] = [
    [{ namespaces: { ...FULL_FACTS.namespaces, pid: "unshare failed: Operation not permitted" } }, "PID namespaces", /--cap-add SYS_ADMIN/],
    [
      { namespaces: { ...FULL_FACTS.namespaces, pid: "not permitted" }, namespaceMend: "sysctl -w kernel.unprivileged_userns_clone=1" },
      "PID namespaces",
      /^sysctl -w kernel.unprivileged_userns_clone=1$/,
    ],
    [{ unshareFile: null, namespaces: BARE_FACTS.namespaces }, "PID namespaces", /install util-linux/],
    [{ cgroupHome: null, cgroupLack: "version 1" }, "control groups", /Delegate=yes/],
    [{ ffiLack: "denied" }, "node:ffi", /--no-experimental-ffi/],
    [{ sharedMemoryFreeBytes: 1024 }, "/dev/shm", /remount/],
    [{ sharedMemoryFreeBytes: null }, "/dev/shm", /--shm-size/],
    [{ criu: { file: null, version: null, lack: "there is no criu in PATH; install CRIU 4.2 or newer" } }, "CRIU", /install criu 4.2/],
    [{ criu: { file: "/usr/sbin/criu", version: "3.17.1", lack: "too old" } }, "CRIU", /install criu 4.2/],
    [{ criu: { file: "/usr/sbin/criu", version: "4.2.1", lack: "`criu check` fails" } }, "CRIU", /criu check/],
  ];
  for (const [change, name, mend] of lacks) {
    const [finding, ...more] = amiss({ ...FULL_FACTS, ...change });
    assert.deepEqual([finding?.name, finding?.state, more.length], [name, "warn", 0]);
    assert.match(finding!.mend!, mend);
    assert.ok(finding!.cost);
  }
});

test("what is there is said, and other systems are told in one finding", () => {
  assert.equal(judgeProcesses(USER_FACTS)[0]!.found, "inside user namespaces");
  const cpu = amiss({ ...FULL_FACTS, cgroupHome: { dir: "/x", controllers: ["memory", "pids"] }, cgroupLack: "no controller for cpu" });
  assert.match(cpu[0]!.cost!, /^cpu of process functions is not limited$/);
  assert.equal(amiss(MAC_FACTS).length, 1);
});
