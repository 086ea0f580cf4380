/**
 * Keys of a tree of settings: how they are spelt, where they stand, and what
 * to say about one that nobody knows.
 */
import type { Failure } from "../base/result.ts";
import { didYouMean } from "../base/suggest.ts";

export interface Tree {
  readonly root: unknown;
  readonly baseDir: string;
  /** Position of the key at that path, when the tree comes from a file. */
  at(path: readonly string[]): NonNullable<Failure["at"]> | undefined;
}

/** The position of a key, ready to be spread into a Failure. */
export function placeOf(tree: Tree, path: readonly string[]): Pick<Failure, "at"> {
  const at = tree.at(path);
  return at === undefined ? {} : { at };
}

export function unknownKey(path: readonly string[], known: readonly string[], position: Pick<Failure, "at">): Failure {
  const name = path.at(-1)!;
  const hint = didYouMean(snakeCase(name), known).trim() || `Known here: ${known.join(", ")}`;
  return { code: "CONFIG_UNKNOWN_KEY", message: `Unknown key "${path.join(".")}"`, hint, ...position };
}

/** camelCase to snake_case: options may be written either way. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
