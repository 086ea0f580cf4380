/**
 * Overrides per function: the `functions:` map of pilotlight.yaml or of
 * createServer's options. Strict like the rest; which function ids exist is
 * not known here, so an id that matches nothing is reported at deployment.
 */
import { resolve } from "node:path";
import type { Failure } from "../base/result.ts";
import type { Allow, FunctionOverrides } from "./config.ts";
import { placeOf, snakeCase, type Tree, unknownKey } from "./keys.ts";
import {
  isPlainObject,
  type Reader,
  readBoolean,
  readCount,
  readDurationAboveZero,
  readEngine,
  readEnvironment,
  readIsolation,
  readMethods,
  readNames,
  readOrigins,
  readRoute,
  readSizeAboveZero,
  readText,
} from "./readers.ts";

/** YAML key to the field of FunctionOverrides it fills. */
const FIELDS: Readonly<Record<string, { readonly field: Exclude<keyof FunctionOverrides, "allow">; readonly read: Reader<unknown> }>> = {
  id: { field: "id", read: readText },
  route: { field: "route", read: readRoute },
  methods: { field: "methods", read: readMethods },
  source: { field: "source", read: readText },
  engine: { field: "engine", read: readEngine },
  memory: { field: "memoryMaxBytes", read: readSizeAboveZero },
  timeout: { field: "timeoutMs", read: readDurationAboveZero },
  cpu_timeout: { field: "cpuTimeoutMs", read: readDurationAboveZero },
  pool: { field: "poolSize", read: readCount(1, 100_000) },
  env: { field: "env", read: readEnvironment },
  secrets: { field: "secrets", read: readNames },
  isolation: { field: "isolation", read: readIsolation },
  checkpoint: { field: "checkpoint", read: readBoolean },
};

const ALLOW_FIELDS: Readonly<Record<keyof Allow, Reader<readonly string[]>>> = { fetch: readOrigins, env: readNames };

interface ReadOverrides {
  readonly functions: Readonly<Record<string, FunctionOverrides>>;
  readonly failures: readonly Failure[];
}

export function readOverrides(map: unknown, tree: Tree): ReadOverrides {
  const failures: Failure[] = [];
  // Without a prototype: a function may be called "constructor".
  const functions: Record<string, FunctionOverrides> = Object.create(null);
  if (!isPlainObject(map)) return { functions, failures: map === null ? [] : [notAMap(["functions"], tree)] };
  for (const [id, entry] of Object.entries(map)) {
    const path = ["functions", id];
    if (isPlainObject(entry)) functions[id] = readFunction(entry, path, tree, failures);
    else if (entry !== null) failures.push(notAMap(path, tree));
  }
  return { functions, failures };
}

function readFunction(entry: Record<string, unknown>, path: readonly string[], tree: Tree, failures: Failure[]): FunctionOverrides {
  const overrides: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(entry)) {
    if (value === undefined) continue;
    const key = snakeCase(name);
    if (key === "allow") overrides["allow"] = readAllow(value, [...path, name], tree, failures);
    else if (!Object.hasOwn(FIELDS, key))
      failures.push(unknownKey([...path, name], [...Object.keys(FIELDS), "allow"], placeOf(tree, [...path, name])));
    else readInto(overrides, FIELDS[key]!.field, FIELDS[key]!.read, value, [...path, name], tree, failures);
  }
  if (typeof overrides["source"] === "string") overrides["source"] = resolve(tree.baseDir, overrides["source"]);
  return overrides;
}

function readAllow(value: unknown, path: readonly string[], tree: Tree, failures: Failure[]): Allow {
  const allow: Record<string, unknown> = {};
  if (!isPlainObject(value)) failures.push(notAMap(path, tree));
  else {
    for (const [name, names] of Object.entries(value)) {
      if (name === "fetch" || name === "env") readInto(allow, name, ALLOW_FIELDS[name], names, [...path, name], tree, failures);
      else failures.push(unknownKey([...path, name], Object.keys(ALLOW_FIELDS), placeOf(tree, [...path, name])));
    }
  }
  return allow;
}

function readInto(
  target: Record<string, unknown>,
  field: string,
  read: Reader<unknown>,
  value: unknown,
  path: readonly string[],
  tree: Tree,
  failures: Failure[],
): void {
  const result = read(value);
  if (result.ok) target[field] = result.value;
  else
    failures.push({
      code: "CONFIG_BAD_VALUE",
      message: `${path.join(".")} ${JSON.stringify(value)} ${result.failure}`,
      ...placeOf(tree, path),
    });
}

function notAMap(path: readonly string[], tree: Tree): Failure {
  return {
    code: "CONFIG_BAD_VALUE",
    message: `${path.join(".")} is not a map`,
    hint: "Write `key: value` lines under it",
    ...placeOf(tree, path),
  };
}
