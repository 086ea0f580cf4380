/**
 * The structures in the mirror's part of pilotlight.yaml: `indexes`, `pins`
 * and `policy.rules`. Each entry keeps its position, because what refers to
 * something else (a variable, an index) is checked when all is known.
 */
import type { Failure } from "../../base/result.ts";
import { type FieldValues, notAMap, readFields } from "../fields.ts";
import { nameOf, placeOf, type Tree } from "../keys.ts";
import { isPlainObject, readText } from "../readers.ts";
import { type IndexAddress, withoutCredentials } from "./index-address.ts";
import { readIndexName, readIndexUrl, readPattern, readPatterns, readTtl, readUserName, readVariableName } from "./readers.ts";

const INDEX_FIELDS = {
  name: { read: readIndexName },
  url: { read: readIndexUrl, shown: withoutCredentials },
  ttl: { read: readTtl },
  token_env: { read: readVariableName },
  username: { read: readUserName },
  password_env: { read: readVariableName },
};

const RULE_FIELDS = {
  deny: { read: readPatterns },
  allow: { read: readPatterns },
  versions: { read: readText },
  reason: { read: readText },
};

/** Key to its meaning, as the documentation lists them. */
export const STRUCTURE_HELP: Readonly<Record<string, string>> = {
  "indexes[].name": "as metrics, logs and pins name it; `index-1`, `index-2`, … by default",
  "indexes[].url": "its address; required. An entry that is nothing else may be the address alone",
  "indexes[].ttl": "how long its pages are fresh; 30m for the first, 3m for others",
  "indexes[].token_env": "variable that holds a bearer token for it",
  "indexes[].username": "user name for it",
  "indexes[].password_env": "variable that holds the password of that user",
  "pins.PATTERN":
    "name of the index that alone may answer for such projects: `acme-*: company`; the first pattern that matches decides; names that `packages` owns stay its own",
  "policy.rules[].deny": "names, or a list of them, that are hidden; `*` stands for any characters",
  "policy.rules[].allow": "names that are shown, whatever later rules say; the first rule that matches decides",
  "policy.rules[].versions": 'of those names only such versions: `"<2"`, `">=1.0,!=1.5"` (PEP 440)',
  "policy.rules[].reason": "told to whoever is refused",
};

interface Placed {
  /** As a message names it. */
  readonly origin: string;
  readonly place: Pick<Failure, "at">;
}

export type IndexEntry = Placed & Omit<FieldValues<typeof INDEX_FIELDS>, "url"> & { readonly url: IndexAddress };
export type PinEntry = Placed & { readonly pattern: string; readonly index: string };
export type RuleEntry = Placed & FieldValues<typeof RULE_FIELDS>;

export interface Structures {
  readonly indexes: readonly IndexEntry[];
  readonly pins: readonly PinEntry[];
  readonly rules: readonly RuleEntry[];
}

export function readIndexes(value: unknown, path: readonly string[], tree: Tree, failures: Failure[]): readonly IndexEntry[] {
  return entriesOf(value, path, tree, failures).flatMap(([entry, entryPath]) => {
    const fields = readFields(INDEX_FIELDS, typeof entry === "string" ? { url: entry } : entry, entryPath, tree, failures);
    const placed = placedAt(entryPath, tree);
    if (fields.url !== undefined) return [{ ...placed, ...fields, url: fields.url }];
    if (typeof entry !== "string" && !Object.hasOwn(entry, "url"))
      failures.push(badEntry(placed, "has no url", "Write its address: url: https://…"));
    return [];
  });
}

export function readRules(value: unknown, path: readonly string[], tree: Tree, failures: Failure[]): readonly RuleEntry[] {
  return entriesOf(value, path, tree, failures).flatMap(([entry, entryPath]) => {
    const placed = placedAt(entryPath, tree);
    if (typeof entry === "string") {
      failures.push(badEntry(placed, "is no rule", "Write - deny: NAME, or - allow: NAME"));
      return [];
    }
    const isOneOf = Object.hasOwn(entry, "deny") !== Object.hasOwn(entry, "allow");
    if (!isOneOf) failures.push(badEntry(placed, "is no rule", "Give it either deny or allow, with the names"));
    return [{ ...placed, ...readFields(RULE_FIELDS, entry, entryPath, tree, failures) }];
  });
}

export function readPinMap(value: unknown, path: readonly string[], tree: Tree, failures: Failure[]): readonly PinEntry[] {
  if (value === null) return [];
  if (!isPlainObject(value)) {
    failures.push(notAMap(tree, path));
    return [];
  }
  return Object.entries(value).flatMap(([name, index]) => {
    const placed = placedAt([...path, name], tree);
    const pattern = readPattern(name);
    const target = readIndexName(index);
    if (!pattern.ok) failures.push(badEntry(placed, pattern.failure));
    if (!target.ok) failures.push(badEntry(placed, `${JSON.stringify(index)} ${target.failure}`));
    return pattern.ok && target.ok ? [{ ...placed, pattern: pattern.value, index: target.value }] : [];
  });
}

type Entry = string | Record<string, unknown>;

function entriesOf(value: unknown, path: readonly string[], tree: Tree, failures: Failure[]): readonly (readonly [Entry, string[]])[] {
  if (value === null) return [];
  if (!Array.isArray(value)) {
    failures.push(badEntry(placedAt(path, tree), "is not a list", "Write `- key: value` lines under it"));
    return [];
  }
  return value.flatMap((entry: unknown, index) => {
    const entryPath = [...path, String(index)];
    if (typeof entry === "string" || isPlainObject(entry)) return [[entry, entryPath] as const];
    failures.push(notAMap(tree, entryPath));
    return [];
  });
}

function placedAt(path: readonly string[], tree: Tree): Placed {
  return { origin: nameOf(tree, path), place: placeOf(tree, path) };
}

/** A failure of an entry as a whole. */
export function badEntry({ origin, place }: Placed, fault: string, hint?: string): Failure {
  return { code: "CONFIG_BAD_VALUE", message: `${origin} ${fault}`, ...(hint === undefined ? {} : { hint }), ...place };
}
