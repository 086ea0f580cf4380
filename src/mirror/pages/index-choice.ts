/**
 * Index choice: which indexes may be asked for a project, in which order. A
 * pinned name has one; the others have all, and the first that has the project
 * owns it: pages of several indexes are never merged, because then whoever can
 * publish a higher version anywhere would own every name everywhere.
 * Pure.
 */
import type { IndexConfig, NamePin } from "../../config/mirror-config.ts";
import { matchesName } from "../policy/name-pattern.ts";

export interface IndexChoice {
  readonly indexes: readonly IndexConfig[];
  readonly because: "pin" | "first";
}

/** `project` is normalised. A pin to an index that isn't there leaves nobody to ask: the safe reading of a slip. */
export function chooseIndexes(project: string, indexes: readonly IndexConfig[], pins: readonly NamePin[]): IndexChoice {
  const pin = pins.find(({ pattern }) => matchesName(pattern, project));
  if (pin === undefined) return { indexes, because: "first" };
  return { indexes: indexes.filter(({ name }) => name === pin.index), because: "pin" };
}
