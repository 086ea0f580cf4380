/**
 * Trees: settings that arrive nested, from pilotlight.yaml or as createServer's
 * options, flattened to the dotted keys of settings.ts. Unknown keys are
 * failures with their position: a misspelt limit must not pass silently.
 */
import type { Failure } from "../base/result.ts";
import type { FunctionOverrides } from "./config.ts";
import { placeOf, snakeCase, type Tree, unknownKey } from "./keys.ts";
import { OVERRIDE_KEYS, readOverrides } from "./overrides.ts";
import { isPlainObject } from "./readers.ts";
import { SETTING_KEYS, SETTINGS, type SettingKey } from "./settings.ts";

/** One value and where somebody wrote it. */
export interface Given {
  readonly value: unknown;
  /** How a message names it: "--port", "PILOTLIGHT_PORT", "port". */
  readonly origin: string;
  /** Relative paths in it start here. */
  readonly baseDir: string;
  readonly at?: NonNullable<Failure["at"]>;
}

export type Layer = ReadonlyMap<SettingKey, Given>;

export interface ReadTree {
  readonly layer: Layer;
  readonly functions: Readonly<Record<string, FunctionOverrides>>;
  readonly failures: readonly Failure[];
}

/** The one top-level word that is not a setting: overrides per function. */
const FUNCTIONS_KEY = "functions";

export function readTree(tree: Tree, otherKeys: readonly string[] = []): ReadTree {
  const layer = new Map<SettingKey, Given>();
  const failures: Failure[] = [];
  let functions: Readonly<Record<string, FunctionOverrides>> = {};

  const visit = (value: Record<string, unknown>, path: readonly string[]): void => {
    for (const [name, entry] of Object.entries(value)) {
      if (entry === undefined) continue;
      const entryPath = [...path, name];
      const key = entryPath.map(snakeCase).join(".");
      const position = placeOf(tree, entryPath);
      if (path.length === 0 && otherKeys.includes(name)) continue;
      if (key === FUNCTIONS_KEY) {
        const read = readOverrides(entry, tree);
        functions = read.functions;
        failures.push(...read.failures);
      } else if (isPlainObject(entry) && isGroup(key)) visit(entry, entryPath);
      else if (Object.hasOwn(SETTINGS, key))
        layer.set(key as SettingKey, { value: entry, origin: entryPath.join("."), baseDir: tree.baseDir, ...position });
      else if (path.length === 0 && OVERRIDE_KEYS.includes(key)) failures.push(ofOneFunction(name, position));
      else failures.push(unknownKey(entryPath, siblings(path.map(snakeCase), otherKeys), position));
    }
  };

  if (isPlainObject(tree.root)) visit(tree.root, []);
  else if (tree.root !== null && tree.root !== undefined) {
    failures.push({
      code: "CONFIG_BAD_VALUE",
      message: "Cannot read the configuration: it is not a map",
      hint: "Write `key: value` lines",
      ...placeOf(tree, []),
    });
  }
  return { layer, functions, failures };
}

function ofOneFunction(name: string, position: Pick<Failure, "at">): Failure {
  const hint = `It is said of single functions: write it under ${FUNCTIONS_KEY}, below the function's name`;
  return { code: "CONFIG_UNKNOWN_KEY", message: `Unknown key "${name}" at the top`, hint, ...position };
}

function isGroup(key: string): boolean {
  return SETTING_KEYS.some((setting) => setting.startsWith(`${key}.`));
}

function siblings(path: readonly string[], otherKeys: readonly string[]): string[] {
  const inside = SETTING_KEYS.map((key) => key.split(".")).filter((key) => path.every((part, index) => key[index] === part));
  const names = new Set(inside.flatMap((key) => key.slice(path.length, path.length + 1)));
  return path.length === 0 ? [...names, FUNCTIONS_KEY, ...otherKeys] : [...names];
}
