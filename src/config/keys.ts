/**
 * Keys of a tree of settings: how they are spelt, where they stand, and what
 * to say about one that nobody knows.
 */
import type { Failure } from "../base/result.ts";
import { didYouMean } from "../base/suggest.ts";
import { isPlainObject } from "./readers.ts";

/** Words at the top of a pilotlight.yaml that are no settings of the server: overrides per function, and what the mirror reads. */
export const FUNCTIONS_KEY = "functions";
export const MIRROR_KEY = "mirror";

export interface Tree {
  readonly root: unknown;
  readonly baseDir: string;
  /** The key under which it stands, where it is a part of a file. */
  readonly under?: string;
  /** Position of the key at that path, when the tree comes from a file. */
  at(path: readonly string[]): NonNullable<Failure["at"]> | undefined;
}

/** The part of a file under one of its keys. */
export function subtree(tree: Tree, key: string): Tree {
  const root = isPlainObject(tree.root) ? tree.root[key] : undefined;
  return { root, baseDir: tree.baseDir, under: key, at: (path) => tree.at([key, ...path]) };
}

/** How a message names the key at that path: "port", "mirror.indexes[0].url". */
export function nameOf(tree: Tree, path: readonly string[]): string {
  return [...(tree.under === undefined ? [] : [tree.under]), ...path].join(".").replace(/\.(\d+)(?=\.|$)/g, "[$1]");
}

/** The position of a key, ready to be spread into a Failure. */
export function placeOf(tree: Tree, path: readonly string[]): Pick<Failure, "at"> {
  const at = tree.at(path);
  return at === undefined ? {} : { at };
}

export function unknownKey(tree: Tree, path: readonly string[], known: readonly string[]): Failure {
  const name = path.at(-1)!;
  const hint = didYouMean(snakeCase(name), known).trim() || `Known here: ${known.join(", ")}`;
  return { code: "CONFIG_UNKNOWN_KEY", message: `Unknown key "${nameOf(tree, path)}"`, hint, ...placeOf(tree, path) };
}

/** camelCase to snake_case: options may be written either way. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
