/**
 * The doctor's judgement of what process functions need: what holds them
 * together, what limits them, how calls reach them quickly. None of it is needed
 * to serve; each lack has a cost that a machine's owner may want to mend. Pure.
 */
import { describeBytes, MIB } from "../base/units.ts";
import type { MachineFacts } from "../engines/process/launch/machine-facts.ts";
import type { Finding } from "./doctor-checks.ts";

const SHARED_MEMORY_MIN_BYTES = 64 * MIB;
const CRIU_MIN: readonly [major: number, minor: number] = [4, 2];

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
  if (criu.version === null)
    return { name, state: "warn", found: criu.lack ?? "not found", cost, mend: `install criu ${CRIU_MIN.join(".")} or later` };
  if (isOlder(criu.version))
    return {
      name,
      state: "warn",
      found: `${criu.version} is too old for sockets on today's kernels`,
      cost,
      mend: `install criu ${CRIU_MIN.join(".")} or later`,
    };
  if (criu.lack !== null)
    return { name, state: "warn", found: `${criu.version}: ${criu.lack}`, cost, mend: isRoot ? "criu check" : "serve as root" };
  return { name, state: "ok", found: criu.version };
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  return major < CRIU_MIN[0] || (major === CRIU_MIN[0] && minor < CRIU_MIN[1]);
}
