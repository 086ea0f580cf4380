/**
 * Aetherless: its configuration file (aetherless.yaml) read as ours, with every
 * field, bound and default that its core/src/config.rs has at b42a7cb. Where
 * its code let unknown keys pass, and paths of handlers that are not there, we
 * don't. What each field becomes is told in docs/process-functions.md.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Failure } from "../base/result.ts";
import { fail, ok } from "../base/result.ts";
import { GIB, KIB, MIB, MINUTE_MS } from "../base/units.ts";
import type { FunctionOverrides } from "./config.ts";
import { type Field, notAMap, readFields } from "./fields.ts";
import { nameOf, placeOf, type Tree, unknownKey } from "./keys.ts";
import type { Given } from "./layer.ts";
import { PROCESS_DEFAULTS } from "./process-settings.ts";
import { isPlainObject, type Reader, readEnvironment, readText } from "./readers.ts";
import type { ServerTree } from "./server-tree.ts";

const ROOT_KEYS = ["orchestrator", "functions"];
const SNAPSHOT_DIR = "/dev/shm/aetherless";
const BUFFER_BYTES = 4 * MIB;
const WARM_POOL_SIZE = 10;
const RESTORE_TIMEOUT_MS = 15;
const TIMEOUT_MS = 30_000;

const ORCHESTRATOR = {
  shm_buffer_size: { read: readBetween(64 * KIB, GIB, "bytes") },
  warm_pool_size: { read: readBetween(1, 1_000, "instances") },
  restore_timeout_ms: { read: readBetween(0, 100, "milliseconds") },
  snapshot_dir: { read: readText },
} satisfies Record<string, Field<unknown>>;

const readId: Reader<string> = (value) =>
  typeof value === "string" && /^[A-Za-z0-9_-]{1,64}$/.test(value)
    ? ok(value)
    : fail('is not an id: use 1 to 64 letters, digits, "-" and "_"');

const FUNCTION = {
  id: { read: readId },
  memory_limit_mb: { read: readBetween(1, 16 * 1_024, "megabytes") },
  trigger_port: { read: readBetween(1, 65_535, "a port") },
  handler_path: { read: readText },
  timeout_ms: { read: readBetween(1, 15 * MINUTE_MS, "milliseconds") },
  environment: { read: readEnvironment },
} satisfies Record<string, Field<unknown>>;

const REQUIRED = ["id", "memory_limit_mb", "trigger_port", "handler_path"] as const;

/** Ours has a map of functions, theirs a list; `orchestrator` is theirs alone. */
export function isAetherless(root: unknown): boolean {
  return isPlainObject(root) && (Object.hasOwn(root, "orchestrator") || Array.isArray(root["functions"]));
}

/** Paths of handlers start at the file's folder, or else where the command was typed, as theirs do. */
export function readAetherless(tree: Tree, cwd: string): ServerTree {
  const root = tree.root as Record<string, unknown>;
  const failures: Failure[] = [];
  for (const key of Object.keys(root)) if (!ROOT_KEYS.includes(key)) failures.push(unknownKey(tree, [key], ROOT_KEYS));
  const given = root["orchestrator"] ?? {};
  if (!isPlainObject(given)) failures.push(notAMap(tree, ["orchestrator"]));
  const orchestrator = isPlainObject(given) ? readFields(ORCHESTRATOR, given, ["orchestrator"], tree, failures) : {};
  const functions: Record<string, FunctionOverrides> = Object.create(null);
  const ports = new Map<number, string>();
  const list = Array.isArray(root["functions"]) ? root["functions"] : [];
  if (list.length === 0) failures.push(problem(tree, ["functions"], "lists no function", "Aetherless asks for one at least"));
  for (const [index, entry] of list.entries()) {
    const path = ["functions", String(index)];
    const read = readFunction(entry, path, tree, failures);
    if (read === null) continue;
    const { id, trigger_port: port } = read;
    if (Object.hasOwn(functions, id))
      failures.push(problem(tree, [...path, "id"], `${JSON.stringify(id)} is there twice`, "Give each function an id of its own"));
    const rival = ports.get(port);
    if (rival !== undefined)
      failures.push(problem(tree, [...path, "trigger_port"], `${port} is that of ${rival} too`, "Give each function a port of its own"));
    ports.set(port, id);
    const file = handlerFile(read.handler_path, [tree.baseDir, cwd]);
    if (file === null)
      failures.push(
        problem(
          tree,
          [...path, "handler_path"],
          `${JSON.stringify(read.handler_path)} is not there`,
          `Give a path that starts at ${tree.baseDir}`,
        ),
      );
    else functions[id] = overridesOf(read, file, orchestrator, tree);
  }
  return { layer: new Map([["port", anyPort(tree)]]), functions, failures, isList: true };
}

type FunctionEntry = { readonly [Key in keyof typeof FUNCTION]?: (typeof FUNCTION)[Key] extends Field<infer Value> ? Value : never } & {
  readonly [Key in (typeof REQUIRED)[number]]: (typeof FUNCTION)[Key] extends Field<infer Value> ? Value : never;
};

/** Null when something that is needed is missing or wrong. */
function readFunction(entry: unknown, path: readonly string[], tree: Tree, failures: Failure[]): FunctionEntry | null {
  if (!isPlainObject(entry)) {
    failures.push(notAMap(tree, path));
    return null;
  }
  const read = readFields(FUNCTION, entry, path, tree, failures);
  const missing = REQUIRED.filter((key) => entry[key] === undefined);
  for (const key of missing) failures.push(problem(tree, path, `has no ${key}`, `Every function needs ${REQUIRED.join(", ")}`));
  return REQUIRED.every((key) => read[key] !== undefined) ? (read as FunctionEntry) : null;
}

function handlerFile(path: string, folders: readonly string[]): string | null {
  return folders.map((folder) => resolve(folder, path)).find((file) => existsSync(file)) ?? null;
}

function overridesOf(read: FunctionEntry, file: string, orchestrator: Readonly<Record<string, unknown>>, tree: Tree): FunctionOverrides {
  const { shm_buffer_size = BUFFER_BYTES, warm_pool_size = WARM_POOL_SIZE } = orchestrator as {
    shm_buffer_size?: number;
    warm_pool_size?: number;
  };
  const { restore_timeout_ms = RESTORE_TIMEOUT_MS, snapshot_dir = SNAPSHOT_DIR } = orchestrator as {
    restore_timeout_ms?: number;
    snapshot_dir?: string;
  };
  return {
    source: file,
    engine: "process",
    port: read.trigger_port,
    memoryMaxBytes: read.memory_limit_mb * MIB,
    timeoutMs: read.timeout_ms ?? TIMEOUT_MS,
    env: read.environment ?? {},
    process: {
      // Its scripts need not begin with their interpreter, nor be executable.
      ...(file.endsWith(".py") ? { command: ["python3", "{file}"] } : {}),
      // Aetherless starts every function at once, and keeps it.
      instanceMin: 1,
      instanceMax: Math.max(warm_pool_size, PROCESS_DEFAULTS.instanceMin),
      // Ours is a power of two, and theirs the whole of one direction.
      ringBytes: 2 ** Math.ceil(Math.log2(shm_buffer_size)),
      snapshotDir: resolve(tree.baseDir, snapshot_dir),
      restoreTimeoutMs: restore_timeout_ms,
    },
  };
}

/** Its functions have ports of their own; the server's is for probes and must not be in their way. */
function anyPort(tree: Tree): Given {
  return { value: 0, origin: "aetherless.yaml", baseDir: tree.baseDir };
}

function readBetween(min: number, max: number, unit: string): Reader<number> {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? ok(value as number)
      : fail(`is not ${unit === "a port" ? unit : `a number of ${unit}`}: use ${min} to ${max}`);
}

function problem(tree: Tree, path: readonly string[], what: string, hint: string): Failure {
  return { code: "CONFIG_BAD_VALUE", message: `${nameOf(tree, path)} ${what}`, hint, ...placeOf(tree, path) };
}
