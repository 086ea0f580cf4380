/**
 * Trees: settings that arrive nested, from pilotlight.yaml or as createServer's
 * options, flattened to the dotted keys of a table. Unknown keys are failures
 * with their position: a misspelt limit must not pass silently.
 */
import type { Failure } from "../base/result.ts";
import { notAMap } from "./fields.ts";
import { nameOf, placeOf, snakeCase, type Tree, unknownKey } from "./keys.ts";
import type { Given, Layer } from "./layer.ts";
import { isPlainObject } from "./readers.ts";
import type { SettingTable } from "./setting.ts";

export interface TreeSchema {
  readonly settings: SettingTable;
  /** Dotted keys that hold more than the value of a setting, each with what takes it. */
  readonly structures: Readonly<Record<string, (value: unknown, path: readonly string[]) => readonly Failure[]>>;
  /** Words at the top that are somebody else's. */
  readonly otherKeys: readonly string[];
  /** What to do about a dotted key that is known elsewhere; null for one that is not. */
  readonly elsewhere: (key: string) => string | null;
}

export interface ReadTree {
  readonly layer: Layer;
  readonly failures: readonly Failure[];
}

export function readTree(tree: Tree, schema: TreeSchema): ReadTree {
  const { settings, structures, otherKeys, elsewhere } = schema;
  const layer = new Map<string, Given>();
  const failures: Failure[] = [];

  const unknown = (path: readonly string[], key: string): Failure => {
    const hint = elsewhere(key);
    return hint === null ? unknownKey(tree, path, siblings(schema, path.slice(0, -1).map(snakeCase))) : misplaced(tree, path, hint);
  };
  const visit = (value: Record<string, unknown>, path: readonly string[]): void => {
    for (const [name, entry] of Object.entries(value)) {
      if (entry === undefined) continue;
      const entryPath = [...path, name];
      const key = entryPath.map(snakeCase).join(".");
      if (path.length === 0 && (otherKeys.includes(name) || otherKeys.includes(key))) continue;
      if (Object.hasOwn(structures, key)) failures.push(...structures[key]!(entry, entryPath));
      else if (isPlainObject(entry) && isGroup(schema, key)) visit(entry, entryPath);
      else if (Object.hasOwn(settings, key))
        layer.set(key, { value: entry, origin: nameOf(tree, entryPath), baseDir: tree.baseDir, ...placeOf(tree, entryPath) });
      else failures.push(isGroup(schema, key) ? groupAsValue(tree, entryPath, key, entry, settings) : unknown(entryPath, key));
    }
  };

  if (isPlainObject(tree.root)) visit(tree.root, []);
  else if (tree.root !== null && tree.root !== undefined) failures.push(tree.under === undefined ? notAFile(tree) : notAMap(tree, []));
  return { layer, failures };
}

function notAFile(tree: Tree): Failure {
  return {
    code: "CONFIG_BAD_VALUE",
    message: "Cannot read the configuration: it is not a map",
    hint: "Write `key: value` lines",
    ...placeOf(tree, []),
  };
}

/** `cache: 5g` where `cache: { size: 5g }` was meant: of the group's settings, the first that takes such a value, and not any text. */
function groupAsValue(tree: Tree, path: readonly string[], key: string, value: unknown, settings: SettingTable): Failure {
  const members = Object.entries(settings).filter(([known]) => known.startsWith(`${key}.`));
  const takes = members.find(([, { read }]) => !read("any text").ok && read(value).ok);
  const [[first] = [`${key}.key`]] = members;
  const shown = takes === undefined ? "…" : typeof value === "string" ? value : JSON.stringify(value);
  return {
    code: "CONFIG_BAD_VALUE",
    message: `${nameOf(tree, path)} is a map`,
    hint: `Write ${path.at(-1)}: { ${(takes?.[0] ?? first).slice(key.length + 1)}: ${shown} }`,
    ...placeOf(tree, path),
  };
}

function misplaced(tree: Tree, path: readonly string[], hint: string): Failure {
  const where = path.length === 1 && tree.under === undefined ? " at the top" : "";
  return { code: "CONFIG_UNKNOWN_KEY", message: `Unknown key "${nameOf(tree, path)}"${where}`, hint, ...placeOf(tree, path) };
}

function isGroup({ settings, structures }: TreeSchema, key: string): boolean {
  return [...Object.keys(settings), ...Object.keys(structures)].some((known) => known.startsWith(`${key}.`));
}

function siblings({ settings, structures, otherKeys }: TreeSchema, path: readonly string[]): string[] {
  const keys = [...Object.keys(settings), ...Object.keys(structures)].map((key) => key.split("."));
  const inside = keys.filter((key) => path.every((part, index) => key[index] === part));
  const names = new Set(inside.flatMap((key) => key.slice(path.length, path.length + 1)));
  return path.length === 0 ? [...names, ...otherKeys] : [...names];
}
