/**
 * Process overrides: what the map `process:` of one function may say, read
 * strictly. What is not said is filled in from PROCESS_DEFAULTS by the
 * deployment. The meanings for users are in docs/process-functions.md.
 */
import { fail, ok } from "../base/result.ts";
import { formatSize } from "../base/units.ts";
import type { Field } from "./fields.ts";
import {
  type CallWay,
  type NamespaceKind,
  type ProcessSettings,
  RING_BYTES_MAX,
  RING_BYTES_MIN,
  type SnapshotKind,
} from "./process-settings.ts";
import { type Reader, readBoolean, readCount, readDuration, readDurationAboveZero, readSize, readText } from "./readers.ts";

interface ProcessField extends Field<unknown> {
  readonly field: keyof ProcessSettings;
  readonly help: string;
}

const CALL_WAYS: readonly CallWay[] = ["auto", "ring", "frames", "http", "stdio"];
const SNAPSHOT_KINDS: readonly SnapshotKind[] = ["none", "fork", "criu", "node"];
const NAMESPACE_KINDS: readonly NamespaceKind[] = ["pid", "user", "network"];
const COMMAND_PARTS_MAX = 256;
const INSTANCES_MAX = 1_000;

const readCommand: Reader<readonly string[]> = (value) => {
  const parts = Array.isArray(value) ? value : [value];
  const good =
    parts.length > 0 &&
    parts.length <= COMMAND_PARTS_MAX &&
    parts.every((part) => typeof part === "string" && !part.includes("\0")) &&
    parts[0] !== "";
  return good
    ? ok(parts as string[])
    : fail('is not a command: use [PROGRAM, ARGUMENT, …], such as [gunicorn, -b, "127.0.0.1:{port}", app]');
};

const readNamespaces: Reader<readonly NamespaceKind[]> = (value) => {
  const list = Array.isArray(value) ? value : [value];
  const good = list.every((kind) => NAMESPACE_KINDS.includes(kind as NamespaceKind));
  return good ? ok([...new Set(list as NamespaceKind[])]) : fail(`is not a list of namespaces: use ${NAMESPACE_KINDS.join(", ")}`);
};

/** Cores, in parts of one if need be. */
const readCores: Reader<number> = (value) => {
  const cores = typeof value === "number" ? value : typeof value === "string" && value !== "" ? Number(value) : Number.NaN;
  return cores >= 0.01 && cores <= 1_024 ? ok(cores) : fail("is not a number of cores: use 0.01 to 1024, such as 0.5");
};

const readRingBytes: Reader<number> = (value) => {
  const size = readSize(value);
  if (!size.ok) return size;
  const isPowerOfTwo = Number.isInteger(Math.log2(size.value));
  return isPowerOfTwo && size.value >= RING_BYTES_MIN && size.value <= RING_BYTES_MAX
    ? size
    : fail(`is not a size of a ring: use a power of two from ${formatSize(RING_BYTES_MIN)} to ${formatSize(RING_BYTES_MAX)}`);
};

export const PROCESS_FIELDS: Readonly<Record<string, ProcessField>> = {
  command: {
    field: "command",
    read: readCommand,
    help: 'program and arguments, instead of the file itself; "{file}" and "{port}" are filled in',
  },
  call: {
    field: "call",
    read: oneOf("a way to call it", CALL_WAYS),
    help: `${CALL_WAYS.join(", ")}; auto (default) lets its first start tell`,
  },
  min: {
    field: "instanceMin",
    read: readCount(0, INSTANCES_MAX),
    help: "instances in each worker that are kept though idle; 0 by default",
  },
  max: { field: "instanceMax", read: readCount(1, INSTANCES_MAX), help: "instances in each worker at most; 4 by default" },
  concurrency: { field: "concurrency", read: readCount(1, 65_535), help: "calls that an instance is given at a time; 1 by default" },
  queue: {
    field: "queueMax",
    read: readCount(0, 1_000_000),
    help: "calls that wait for an instance; others are answered 503; 256 by default",
  },
  idle_timeout: {
    field: "idleTimeoutMs",
    read: readDurationAboveZero,
    help: "an instance above min without calls for so long is stopped; 60s by default",
  },
  ready_timeout: { field: "readyTimeoutMs", read: readDurationAboveZero, help: "from its start to READY; 30s by default" },
  stop_timeout: { field: "stopTimeoutMs", read: readDuration, help: "from being asked to stop to being killed; 5s by default" },
  health_interval: {
    field: "healthIntervalMs",
    read: readDuration,
    help: "how often an idle instance is asked whether it answers; 10s by default, 0 never",
  },
  snapshot: {
    field: "snapshot",
    read: oneOf("a kind of snapshot", SNAPSHOT_KINDS),
    help: "fork (Python), criu or node: what instances are made from, instead of being started; none by default",
  },
  snapshot_dir: {
    field: "snapshotDir",
    read: readText,
    help: "where images lie, best in memory (/dev/shm); by default in the data folder",
  },
  restore_timeout: {
    field: "restoreTimeoutMs",
    read: readDuration,
    help: "a restore that takes longer is told as a warning; 1s by default",
  },
  namespaces: {
    field: "namespaces",
    read: readNamespaces,
    help: `further walls, where the machine has them: ${NAMESPACE_KINDS.join(", ")}`,
  },
  cpu: {
    field: "cpuMax",
    read: readCores,
    help: "cores that an instance may use: 0.5; by default no limit; needs a writable control group",
  },
  open_files: { field: "openFileMax", read: readCount(16, 1_048_576), help: "files and sockets that it may have open; 1024 by default" },
  processes: { field: "processMax", read: readCount(1, 65_536), help: "processes and threads that it may have; 256 by default" },
  ring: { field: "ringBytes", read: readRingBytes, help: "shared memory of each direction, a power of two; 1m by default" },
  ring_checks: { field: "ringChecks", read: readBoolean, help: "whether messages in the ring carry a CRC-32; true by default" },
};

function oneOf<Name extends string>(what: string, names: readonly Name[]): Reader<Name> {
  const [last, ...others] = names.toReversed();
  return (value) =>
    names.includes(value as Name) ? ok(value as Name) : fail(`is not ${what}: use ${others.toReversed().join(", ")} or ${last}`);
}
