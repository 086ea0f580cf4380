/**
 * The doctor's judgement of what process functions need: what holds them
 * together, what limits them, how calls reach them quickly. None of it is needed
 * to serve; each lack has a cost that a machine's owner may want to mend. Pure.
 */
import { describeBytes, MIB } from "../base/units.ts";
import { CRIU_WANTED_VERSION, isTooOld } from "../engines/process/launch/criu-probe.ts";
import type { MachineFacts } from "../engines/process/launch/machine-facts.ts";
import type { Finding } from "./doctor-checks.ts";

const SHARED_MEMORY_MIN_BYTES = 64 * MIB;

export function judgeProcesses(facts: MachineFacts): Finding[] {
  const checks = facts.platform === "linux" ? [checkNamespaces, checkCgroups, checkFfi, checkSharedMemory, checkCriu] : [checkOther];
  return checks.map((check) => check(facts));
}

/** Other systems have no way to hold processes together, and nothing to mend. */
function checkOther({ platform }: MachineFacts): Finding {
  return {
    name: "process functions",
    state: "warn",
    found: `${platform}: no namespaces, no control groups, no ring`,
    cost: "memory and processes of a process function are not limited, what it detaches outlives it, and calls come in frames",
    mend: "serve process functions on Linux",
  };
}

function checkNamespaces({ namespaces, unshareFile, shellFile, namespaceMend, needsUserNamespace }: MachineFacts): Finding {
  const name = "PID namespaces";
  if (namespaces.pid === null && shellFile !== null)
    return { name, state: "ok", found: needsUserNamespace ? "inside user namespaces" : "can be made" };
  const isMissing = unshareFile === null || shellFile === null;
  return {
    name,
    state: "warn",
    found: namespaces.pid ?? "there is no /bin/sh",
    cost: "what a process function detaches may outlive it, and outlives a killed server",
    mend: isMissing
      ? "install util-linux (on Alpine: apk add util-linux-misc setpriv)"
      : (namespaceMend ?? "in a container: --cap-add SYS_ADMIN, or --security-opt seccomp=unconfined; else serve as root"),
  };
}

function checkCgroups({ cgroupHome, cgroupLack }: MachineFacts): Finding {
  const name = "control groups";
  if (cgroupHome !== null && cgroupLack === null)
    return { name, state: "ok", found: `${cgroupHome.controllers.join(", ")} in ${cgroupHome.dir}` };
  const lacksCpuAlone = cgroupHome?.controllers.includes("memory") === true;
  return {
    name,
    state: "warn",
    found: cgroupLack ?? "none",
    cost: lacksCpuAlone
      ? "cpu of process functions is not limited"
      : "memory of process functions is looked at now and then, not held; their cpu is not limited",
    mend: "in a systemd unit: Delegate=yes; in a container: a writable /sys/fs/cgroup; version 1 or hybrid: boot with systemd.unified_cgroup_hierarchy=1",
  };
}

function checkFfi({ ffiLack }: MachineFacts): Finding {
  const name = "node:ffi";
  if (ffiLack === null) return { name, state: "ok", found: "loads" };
  return {
    name,
    state: "warn",
    found: ffiLack,
    cost: "no rings: calls reach process functions in frames, some 30 times slower; /dev/stdin can't be opened by them",
    mend: "start Node without --no-experimental-ffi",
  };
}

function checkSharedMemory({ sharedMemoryFreeBytes }: MachineFacts): Finding {
  const name = "/dev/shm";
  if (sharedMemoryFreeBytes !== null && sharedMemoryFreeBytes >= SHARED_MEMORY_MIN_BYTES)
    return { name, state: "ok", found: `${describeBytes(sharedMemoryFreeBytes)} free` };
  return {
    name,
    state: "warn",
    found: sharedMemoryFreeBytes === null ? "not there" : `${describeBytes(sharedMemoryFreeBytes)} free`,
    cost: "programs that share memory among their own processes fail (multiprocessing, PyTorch, Chromium); rings don't need it",
    mend: "mount -o remount,size=1g /dev/shm; in a container: --shm-size 1g",
  };
}

function checkCriu({ criu, isRoot }: MachineFacts): Finding {
  const name = "CRIU";
  const cost = "snapshot: criu starts its functions plainly; snapshot: fork needs none of it";
  const { version, lack } = criu;
  if (version !== null && lack === null) return { name, state: "ok", found: version };
  const install = `install criu ${CRIU_WANTED_VERSION} or later`;
  const mend = version === null || isTooOld(version) ? install : isRoot ? "criu check" : "serve as root";
  return { name, state: "warn", found: lack ?? "not found", cost, mend };
}
