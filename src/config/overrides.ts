/**
 * Overrides per function: the `functions:` map of pilotlight.yaml or of
 * createServer's options. Strict like the rest; which function ids exist is
 * not known here, so an id that matches nothing is reported at deployment.
 */
import { resolve } from "node:path";
import type { Failure } from "../base/result.ts";
import type { Allow, FunctionOverrides } from "./config.ts";
import { notAMap, readInto } from "./fields.ts";
import { nameOf, placeOf, snakeCase, type Tree, unknownKey } from "./keys.ts";
import { PROCESS_FIELDS } from "./process-overrides.ts";
import { PROCESS_DEFAULTS, type ProcessSettings } from "./process-settings.ts";
import {
  isPlainObject,
  type Reader,
  readBoolean,
  readContract,
  readCount,
  readDurationAboveZero,
  readEngine,
  readEnvironment,
  readFolders,
  readIsolation,
  readMethods,
  readNames,
  readOrigins,
  readRoute,
  readSizeAboveZero,
  readStoreNames,
  readText,
} from "./readers.ts";

interface Field {
  readonly field: Exclude<keyof FunctionOverrides, "allow" | "process">;
  readonly read: Reader<unknown>;
  readonly help: string;
}

/** YAML key to the field of FunctionOverrides it fills. */
const FIELDS: Readonly<Record<string, Field>> = {
  id: { field: "id", read: readText, help: "another name than the one made from its path" },
  route: { field: "route", read: readRoute, help: '"/users/:id" or "/files/*", instead of the one made from its path' },
  port: { field: "port", read: readCount(1, 65_535), help: "a port of its own besides, where every path is its" },
  methods: { field: "methods", read: readMethods, help: "the only methods it is called with: [GET, POST]; others are answered 405" },
  source: { field: "source", read: readText, help: "its file, when it lies outside the folder" },
  engine: { field: "engine", read: readEngine, help: '"javascript", "wasm" or "process"; by default what its file says' },
  memory: { field: "memoryMaxBytes", read: readSizeAboveZero, help: "as the setting of that name, for this function" },
  timeout: { field: "timeoutMs", read: readDurationAboveZero, help: "as the setting of that name, for this function" },
  cpu_timeout: { field: "cpuTimeoutMs", read: readDurationAboveZero, help: "as the setting of that name, for this function" },
  pool: { field: "poolSize", read: readCount(1, 100_000), help: "as the setting of that name, for this function" },
  env: { field: "env", read: readEnvironment, help: "names and texts that it finds in its env" },
  secrets: {
    field: "secrets",
    read: readNames,
    help: "variables of the server's environment that it finds in its env; it is not served while one is missing; never shown",
  },
  isolation: {
    field: "isolation",
    read: readIsolation,
    help: "shared (default), request, bounded(100), ttl(30s) or process: how long its state lives",
  },
  checkpoint: {
    field: "checkpoint",
    read: readBoolean,
    help: "Wasm: requests may go on from an image taken after its start, although it read random numbers before: they repeat",
  },
  output: {
    field: "outputMaxBytes",
    read: readSizeAboveZero,
    help: "the most it may write to standard output: Wasm, 5m by default; one-shot programs, no limit by default",
  },
  contract: {
    field: "contract",
    read: readContract,
    help: "how it answers on standard output: cgi, command (all of it is the body) or, Wasm only, gojinn (JSON); by default what its module or its output says",
  },
};

const ALLOW_FIELDS: Readonly<Record<keyof Allow, Reader<readonly string[]>>> = {
  fetch: readOrigins,
  env: readNames,
  dir: readFolders,
  kv: readStoreNames,
  sql: readStoreNames,
  blob: readStoreNames,
  queue: readStoreNames,
  lock: readStoreNames,
};
const ALLOW_HELP: Readonly<Record<keyof Allow, string>> = {
  fetch: 'origins that it may fetch from: ["https://api.example.com"], or ["*"] for every public address; by default none',
  env: "variables of the server's environment that it finds in its env; by default none",
  dir: 'Wasm: folders that it sees, ["./data::/data"], or ["./data::/data:rw"] to change them; by default none',
  kv: "key-value namespaces that it may read and write: [orders]; by default none",
  sql: "SQLite databases that it may read and write; by default none",
  blob: "buckets of files that it may read and write; by default none",
  queue: "topics that it may send to; by default none",
  lock: "namespaces of locks that it may take; by default none",
};

/** Key to its meaning, as the documentation lists them. */
export const OVERRIDE_HELP: Readonly<Record<string, string>> = Object.fromEntries([
  ...Object.entries(FIELDS).map(([key, { help }]) => [key, help]),
  ...Object.entries(ALLOW_HELP).map(([key, help]) => [`allow.${key}`, help]),
  ...Object.entries(PROCESS_FIELDS).map(([key, { help }]) => [`process.${key}`, help]),
]);

/** What may be said of one function. */
export const OVERRIDE_KEYS: readonly string[] = [...Object.keys(FIELDS), "allow", "process"];

interface ReadOverrides {
  readonly functions: Readonly<Record<string, FunctionOverrides>>;
  readonly failures: readonly Failure[];
}

export function readOverrides(map: unknown, tree: Tree): ReadOverrides {
  const failures: Failure[] = [];
  // Without a prototype: a function may be called "constructor".
  const functions: Record<string, FunctionOverrides> = Object.create(null);
  if (!isPlainObject(map)) return { functions, failures: map === null ? [] : [notAMap(tree, ["functions"])] };
  for (const [id, entry] of Object.entries(map)) {
    const path = ["functions", id];
    if (isPlainObject(entry)) functions[id] = readFunction(entry, path, tree, failures);
    else if (entry !== null) failures.push(notAMap(tree, path));
  }
  return { functions, failures };
}

function readFunction(entry: Record<string, unknown>, path: readonly string[], tree: Tree, failures: Failure[]): FunctionOverrides {
  const overrides: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(entry)) {
    if (value === undefined) continue;
    const key = snakeCase(name);
    if (key === "allow") overrides["allow"] = readAllow(value, [...path, name], tree, failures);
    else if (key === "process") overrides["process"] = readProcess(value, [...path, name], tree, failures);
    else if (!Object.hasOwn(FIELDS, key)) failures.push(unknownKey(tree, [...path, name], OVERRIDE_KEYS));
    else readInto(overrides, FIELDS[key]!.field, FIELDS[key]!, value, [...path, name], tree, failures);
  }
  if (typeof overrides["source"] === "string") overrides["source"] = resolve(tree.baseDir, overrides["source"]);
  return overrides;
}

function readAllow(value: unknown, path: readonly string[], tree: Tree, failures: Failure[]): Allow {
  const allow: Record<string, unknown> = {};
  if (!isPlainObject(value)) failures.push(notAMap(tree, path));
  else {
    for (const [name, names] of Object.entries(value)) {
      if (Object.hasOwn(ALLOW_FIELDS, name))
        readInto(allow, name, { read: ALLOW_FIELDS[name as keyof Allow] }, names, [...path, name], tree, failures);
      else failures.push(unknownKey(tree, [...path, name], Object.keys(ALLOW_FIELDS)));
    }
  }
  const { dir } = allow as Allow;
  // "HOST::GUEST": the part before the colons is a path here.
  if (dir !== undefined) allow["dir"] = dir.map((text) => text.replace(/^[^:]+/, (host) => resolve(tree.baseDir, host)));
  return allow;
}

function readProcess(value: unknown, path: readonly string[], tree: Tree, failures: Failure[]): Partial<ProcessSettings> {
  const settings: Record<string, unknown> = {};
  if (!isPlainObject(value)) {
    failures.push(notAMap(tree, path));
    return {};
  }
  for (const [name, entry] of Object.entries(value)) {
    if (entry === undefined) continue;
    const key = snakeCase(name);
    if (Object.hasOwn(PROCESS_FIELDS, key))
      readInto(settings, PROCESS_FIELDS[key]!.field, PROCESS_FIELDS[key]!, entry, [...path, name], tree, failures);
    else failures.push(unknownKey(tree, [...path, name], Object.keys(PROCESS_FIELDS)));
  }
  if (typeof settings["snapshotDir"] === "string") settings["snapshotDir"] = resolve(tree.baseDir, settings["snapshotDir"]);
  const { instanceMin, instanceMax } = { ...PROCESS_DEFAULTS, ...settings } as ProcessSettings;
  if (instanceMin > instanceMax) {
    const message = `${nameOf(tree, path)} keeps at least ${instanceMin} instances, and at most ${instanceMax}`;
    failures.push({ code: "CONFIG_CONFLICT", message, hint: "Raise max, or lower min", ...placeOf(tree, path) });
  }
  return settings as Partial<ProcessSettings>;
}
