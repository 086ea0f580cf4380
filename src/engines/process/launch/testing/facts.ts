/** Machines for tests: one that has everything, to be made worse. */
import type { MachineFacts } from "../machine-facts.ts";

export const FULL_FACTS: MachineFacts = {
  platform: "linux",
  kernel: "6.18.4",
  isRoot: true,
  shellFile: "/bin/sh",
  setprivFile: "/usr/bin/setpriv",
  unshareFile: "/usr/bin/unshare",
  namespaces: { pid: null, user: null, network: null },
  namespaceMend: null,
  needsUserNamespace: false,
  mountsProc: true,
  cgroupHome: { dir: "/sys/fs/cgroup/pilotlight.service", controllers: ["memory", "pids", "cpu"] },
  cgroupLack: null,
  ffiLack: null,
  openFilesHard: 1_048_576,
  sharedMemoryFreeBytes: 64 * 1024 ** 2,
  criu: { file: "/usr/sbin/criu", version: "4.2", lack: null },
};

/** An ordinary user on a machine whose control groups are the system's own. */
export const USER_FACTS: MachineFacts = {
  ...FULL_FACTS,
  isRoot: false,
  needsUserNamespace: true,
  cgroupHome: null,
  cgroupLack: "no control group may be made in /sys/fs/cgroup/user.slice or beside it",
};

/** A container without privileges and with BusyBox. */
export const BARE_FACTS: MachineFacts = {
  ...USER_FACTS,
  setprivFile: null,
  unshareFile: null,
  namespaces: {
    pid: "there is no unshare (util-linux)",
    user: "there is no unshare (util-linux)",
    network: "there is no unshare (util-linux)",
  },
  needsUserNamespace: false,
  mountsProc: false,
  cgroupLack: "control groups of version 2 have no controllers here: version 1 holds them",
};

export const MAC_FACTS: MachineFacts = {
  ...BARE_FACTS,
  platform: "darwin",
  kernel: "25.0.0",
  cgroupLack: "darwin has none",
  ffiLack: "this is darwin, not Linux",
};
