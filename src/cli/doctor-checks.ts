/**
 * The doctor's judgement: facts of a machine to findings, each with what it
 * costs to leave it so and the command that mends it. Pure, so that tests can
 * present machines we don't have.
 */
import { isNodeSupported, NODE_MIN } from "../base/node-version.ts";
import { describeBytes, formatSize, GIB, MIB } from "../base/units.ts";
import type { Facts } from "./doctor-facts.ts";
import { judgeProcesses } from "./doctor-process-checks.ts";

export interface Finding {
  readonly name: string;
  /** "fail" makes serving impossible; "warn" costs something. */
  readonly state: "ok" | "warn" | "fail";
  readonly found: string;
  /** What leaving it so costs. */
  readonly cost?: string;
  readonly mend?: string;
}

/** Settings that would suit the machine, or the wishes given in Go's words. */
export interface Suggestion {
  readonly flag: string;
  readonly because: string;
}

export interface Wishes {
  /** As GOMAXPROCS: how many CPUs to use. */
  readonly maxProcs: number | null;
  /** As GOMEMLIMIT, in bytes: how much memory the whole server should keep to. */
  readonly memoryLimitBytes: number | null;
}

const OPEN_FILES_WANTED = 65_536;
const CONNECTIONS_DEFAULT = 20_000;
const FILE_MAX_WANTED = 200_000;
const SOMAXCONN_WANTED = 4_096;
const LOCAL_PORTS_WANTED = 28_000;
const MEMORY_MIN_BYTES = 256 * MIB;
/** What the supervisor keeps of a memory limit that is meant for the whole server. */
const SUPERVISOR_BYTES = 96 * MIB;

export function judge(facts: Facts, address: string): Finding[] {
  const linux = facts.platform.startsWith("linux");
  return [
    checkNode(facts),
    checkIsolates(facts),
    checkNodeOptions(facts),
    checkPort(facts, address),
    checkReusePort(facts),
    checkSetpriv(facts, linux),
    checkFolder("data folder", facts.dataDir, facts.dataDirError, "caches, sockets and state have no place", "--data-dir DIR"),
    checkFolder("temporary folder", "", facts.tmpDirError, "unix sockets and bundling need it", "TMPDIR=/writable/dir"),
    checkCpus(facts),
    checkMemory(facts),
    ...(linux ? linuxFindings(facts) : []),
    ...judgeProcesses(facts.processes),
  ];
}

function checkNode({ nodeVersion }: Facts): Finding {
  const name = "Node";
  if (isNodeSupported(nodeVersion)) return { name, state: "ok", found: nodeVersion };
  return {
    name,
    state: "fail",
    found: nodeVersion,
    cost: `isolates and TypeScript need Node ${NODE_MIN}`,
    mend: "npm install --include=optional",
  };
}

function checkIsolates({ isolatedVmError, platform }: Facts): Finding {
  if (isolatedVmError === null) return { name: "isolates", state: "ok", found: `isolated-vm loads on ${platform}` };
  return {
    name: "isolates",
    state: "fail",
    found: isolatedVmError,
    cost: "no JavaScript function can run",
    mend: "npm install isolated-vm@7",
  };
}

/** Workers inherit NODE_OPTIONS: some options there change what every function sees. */
function checkNodeOptions({ nodeOptions }: Facts): Finding {
  const name = "NODE_OPTIONS";
  const hazards: Readonly<Record<string, string>> = {
    "--inspect": "opens a debugger port that runs any code in the server",
    "--max-old-space-size": "bounds the worker's own heap, not the functions'; use --worker-memory",
    "--require": "loads foreign code into the supervisor and every worker",
    "--import": "loads foreign code into the supervisor and every worker",
    "--loader": "slows every start and changes what is imported",
    "--jitless": "makes every function many times slower",
    "--no-opt": "makes every function many times slower",
    "--node-snapshot": "isolated-vm may crash with it",
    "--prof": "writes a log of every tick",
  };
  const found = Object.keys(hazards).filter((option) => nodeOptions.split(/\s+/).some((word) => word.split("=", 1)[0]!.startsWith(option)));
  if (found.length === 0) return { name, state: "ok", found: nodeOptions === "" ? "not set" : nodeOptions };
  return {
    name,
    state: "warn",
    found: nodeOptions,
    cost: found.map((option) => `${option} ${hazards[option]}`).join("; "),
    mend: "unset NODE_OPTIONS",
  };
}

function checkPort({ portError }: Facts, address: string): Finding {
  const name = "port";
  if (portError === null) return { name, state: "ok", found: `${address} is free` };
  const cost = "serve would refuse to start there";
  if (portError === "EADDRINUSE")
    return { name, state: "warn", found: `${address} is taken`, cost, mend: "pilotlight serve -p 0, or: ss -ltnp" };
  const mend =
    portError === "EACCES" ? "use a port above 1023, or: sysctl -w net.ipv4.ip_unprivileged_port_start=0" : "check --host and --port";
  return { name, state: "warn", found: `${address}: ${portError}`, cost, mend };
}

function checkReusePort({ reusePort }: Facts): Finding {
  if (reusePort) return { name: "reusePort", state: "ok", found: "workers share the port in the kernel" };
  return {
    name: "reusePort",
    state: "warn",
    found: "not available",
    cost: "the supervisor hands every connection over: some 20 us each",
    mend: "serve on Linux for load",
  };
}

function checkSetpriv({ setprivFile }: Facts, linux: boolean): Finding {
  const name = "setpriv";
  if (setprivFile !== null) return { name, state: "ok", found: setprivFile };
  return {
    name,
    state: "warn",
    found: "not available",
    cost: "when the supervisor is killed, a worker that is stuck in a built-in stays and holds the port",
    mend: linux ? "install util-linux 2.33 or later (apk add setpriv on Alpine)" : "serve on Linux; or kill what is left by hand",
  };
}

function checkFolder(name: string, path: string, error: string | null, cost: string, mend: string): Finding {
  const found = path === "" ? "" : `${path} `;
  return error === null
    ? { name, state: "ok", found: `${found}writable`.trim() }
    : { name, state: "fail", found: `${found}not writable: ${error}`, cost, mend };
}

function checkCpus({ cpuCount, cpuQuota }: Facts): Finding {
  const name = "CPUs";
  if (cpuQuota === null || cpuQuota >= cpuCount) return { name, state: "ok", found: String(cpuCount) };
  const workers = Math.max(1, Math.floor(cpuQuota));
  const found = `${cpuCount}, of which the control group allows ${Number(cpuQuota.toFixed(2))}`;
  return {
    name,
    state: "warn",
    found,
    cost: "more workers than that are paused together for up to 100 ms at a time",
    mend: `pilotlight serve --workers ${workers}`,
  };
}

function checkMemory({ memoryBytes, memoryLimitBytes }: Facts): Finding {
  const name = "memory";
  const usable = Math.min(memoryBytes, memoryLimitBytes ?? memoryBytes);
  const found =
    usable < memoryBytes
      ? `${describeBytes(memoryBytes)}, of which the control group allows ${describeBytes(usable)}`
      : describeBytes(memoryBytes);
  if (usable >= MEMORY_MIN_BYTES) return { name, state: "ok", found };
  return {
    name,
    state: "warn",
    found,
    cost: "a worker may be killed by the kernel instead of being replaced",
    mend: "pilotlight serve -w 1 -m 32m --worker-memory 128m",
  };
}

function linuxFindings(facts: Facts): Finding[] {
  return [
    checkOpenFiles(facts),
    atLeast(
      "file-max",
      facts.fileMax,
      FILE_MAX_WANTED,
      "the whole machine runs out of descriptors: accept fails for everyone",
      "fs.file-max",
    ),
    atLeast(
      "somaxconn",
      facts.somaxconn,
      SOMAXCONN_WANTED,
      "bursts of new connections are dropped and retried a second later",
      "net.core.somaxconn",
    ),
    checkTimeWait(facts),
    checkLocalPorts(facts),
    checkClock(facts),
    checkHugePages(facts),
  ];
}

function checkOpenFiles({ openFilesSoft, openFilesHard }: Facts): Finding {
  const name = "ulimit -n";
  if (openFilesSoft === null) return { name, state: "ok", found: "unknown" };
  // Node raises the soft limit to the hard one at start, so the hard one decides.
  const effective = Math.max(openFilesSoft, openFilesHard ?? 0);
  const found = `${openFilesSoft} soft, ${openFilesHard ?? "unknown"} hard`;
  if (effective >= OPEN_FILES_WANTED) return { name, state: "ok", found };
  const cost = `at most about ${Math.max(0, effective - 200)} connections at once; the limit of serve is ${CONNECTIONS_DEFAULT}`;
  return {
    name,
    state: "warn",
    found,
    cost,
    mend: `ulimit -n ${OPEN_FILES_WANTED}, or LimitNOFILE=${OPEN_FILES_WANTED} in the systemd unit`,
  };
}

function atLeast(name: string, found: number | null, wanted: number, cost: string, key: string): Finding {
  if (found === null) return { name, state: "ok", found: "unknown" };
  if (found >= wanted) return { name, state: "ok", found: String(found) };
  return { name, state: "warn", found: String(found), cost, mend: `sysctl -w ${key}=${wanted}` };
}

function checkTimeWait({ tcpTwReuse }: Facts): Finding {
  const name = "tcp_tw_reuse";
  if (tcpTwReuse === null || tcpTwReuse === 1) return { name, state: "ok", found: tcpTwReuse === null ? "unknown" : "1" };
  const cost =
    tcpTwReuse === 2
      ? "loopback only: outbound calls to other hosts wait 60 s for a port under load"
      : "outbound calls and load tests wait 60 s for a port";
  return { name, state: "warn", found: String(tcpTwReuse), cost, mend: "sysctl -w net.ipv4.tcp_tw_reuse=1" };
}

function checkLocalPorts({ localPorts }: Facts): Finding {
  const name = "ip_local_port_range";
  if (localPorts === null) return { name, state: "ok", found: "unknown" };
  const [first, last] = localPorts;
  const found = `${first}-${last}`;
  if (last - first >= LOCAL_PORTS_WANTED) return { name, state: "ok", found };
  const cost = `at most ${last - first + 1} outbound connections to one address`;
  return { name, state: "warn", found, cost, mend: 'sysctl -w net.ipv4.ip_local_port_range="10240 65535"' };
}

function checkClock({ clockSource }: Facts): Finding {
  const name = "clock source";
  const slow = clockSource === "hpet" || clockSource === "acpi_pm" || clockSource === "xen";
  if (!slow) return { name, state: "ok", found: clockSource ?? "unknown" };
  const mend = "echo tsc > /sys/devices/system/clocksource/clocksource0/current_clocksource";
  return {
    name,
    state: "warn",
    found: clockSource,
    cost: "each look at the clock is a system call of about 1 us, several a request",
    mend,
  };
}

function checkHugePages({ hugePages }: Facts): Finding {
  const name = "transparent hugepages";
  if (hugePages !== "always") return { name, state: "ok", found: hugePages ?? "unknown" };
  const mend = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled";
  return { name, state: "warn", found: hugePages, cost: "many small heaps round up to 2 MiB: idle sandboxes take more memory", mend };
}

/** Wishes in Go's words, and what the control group allows, as flags of serve. */
export function suggest(facts: Facts, wishes: Wishes): Suggestion[] {
  const suggestions: Suggestion[] = [];
  const quotaWorkers = facts.cpuQuota === null ? null : Math.max(1, Math.floor(facts.cpuQuota));
  const workers = wishes.maxProcs ?? quotaWorkers ?? facts.cpuCount;
  if (wishes.maxProcs !== null)
    suggestions.push({ flag: `--workers ${workers}`, because: `GOMAXPROCS=${wishes.maxProcs}: one worker uses one CPU` });
  if (wishes.memoryLimitBytes !== null) {
    const each = Math.floor((wishes.memoryLimitBytes - SUPERVISOR_BYTES) / workers / MIB) * MIB;
    const ceiling = Math.max(64 * MIB, Math.min(each, 64 * GIB));
    const limit = describeBytes(wishes.memoryLimitBytes);
    suggestions.push({
      flag: `--worker-memory ${formatSize(ceiling)}`,
      because: `GOMEMLIMIT of ${limit}, less ${describeBytes(SUPERVISOR_BYTES)} for the supervisor, over ${workers} worker${workers === 1 ? "" : "s"}`,
    });
    suggestions.push({
      flag: `--sandbox-memory-budget ${formatSize(Math.floor(ceiling / 2 / MIB) * MIB)}`,
      because: "half of a worker for idle sandboxes",
    });
  }
  return suggestions;
}
