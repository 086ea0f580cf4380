/**
 * The server's settings in a tree: those of settings.ts, and what is said of
 * single functions. The mirror's part of a pilotlight.yaml is passed over:
 * `pilotlight mirror` reads it (mirror/parse.ts).
 */
import type { Failure } from "../base/result.ts";
import type { FunctionOverrides } from "./config.ts";
import { FUNCTIONS_KEY, type Tree } from "./keys.ts";
import { OVERRIDE_KEYS, readOverrides } from "./overrides.ts";
import { SETTINGS } from "./settings.ts";
import { type ReadTree, readTree } from "./tree.ts";

export interface ServerTree extends ReadTree {
  readonly functions: Readonly<Record<string, FunctionOverrides>>;
  /** It names every function there is; no folder is looked into. */
  readonly isList: boolean;
}

export const NO_SETTINGS: ServerTree = { layer: new Map(), functions: {}, isList: false, failures: [] };

export function readServerTree(tree: Tree, otherKeys: readonly string[]): ServerTree {
  let functions: ServerTree["functions"] = {};
  const readFunctions = (value: unknown): readonly Failure[] => {
    const read = readOverrides(value, tree);
    functions = read.functions;
    return read.failures;
  };
  const { layer, failures } = readTree(tree, {
    settings: SETTINGS,
    structures: { [FUNCTIONS_KEY]: readFunctions },
    otherKeys,
    elsewhere: hintOfOneFunction,
  });
  return { layer, functions, isList: false, failures };
}

function hintOfOneFunction(key: string): string | null {
  const isOfOneFunction = OVERRIDE_KEYS.includes(key);
  return isOfOneFunction ? `It is said of single functions: write it under ${FUNCTIONS_KEY}, below the function's name` : null;
}
