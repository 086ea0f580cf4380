/**
 * Fields: a map in a tree that is one value of its own (a function's
 * overrides, an index, a rule), read key by key. Strict like the rest: what is
 * wrong is a failure with its position, and what is unknown is wrong.
 */
import type { Failure } from "../base/result.ts";
import { nameOf, placeOf, snakeCase, type Tree, unknownKey } from "./keys.ts";
import type { Reader } from "./readers.ts";

export interface Field<Value> {
  readonly read: Reader<Value>;
  /** As in a Setting. */
  readonly shown?: (value: unknown) => string;
}

export type FieldValues<Fields> = { readonly [Key in keyof Fields]?: Fields[Key] extends Field<infer Value> ? Value : never };

export function readFields<Fields extends Readonly<Record<string, Field<unknown>>>>(
  fields: Fields,
  entry: Readonly<Record<string, unknown>>,
  path: readonly string[],
  tree: Tree,
  failures: Failure[],
): FieldValues<Fields> {
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(entry)) {
    if (value === undefined) continue;
    const key = snakeCase(name);
    if (Object.hasOwn(fields, key)) readInto(values, key, fields[key]!, value, [...path, name], tree, failures);
    else failures.push(unknownKey(tree, [...path, name], Object.keys(fields)));
  }
  return values as FieldValues<Fields>;
}

/** One of them, into the `target` under the name that it has there. */
export function readInto(
  target: Record<string, unknown>,
  name: string,
  { read, shown = JSON.stringify }: Field<unknown>,
  value: unknown,
  path: readonly string[],
  tree: Tree,
  failures: Failure[],
): void {
  const result = read(value);
  if (result.ok) target[name] = result.value;
  else
    failures.push({ code: "CONFIG_BAD_VALUE", message: `${nameOf(tree, path)} ${shown(value)} ${result.failure}`, ...placeOf(tree, path) });
}

export function notAMap(tree: Tree, path: readonly string[]): Failure {
  return {
    code: "CONFIG_BAD_VALUE",
    message: `${nameOf(tree, path)} is not a map`,
    hint: "Write `key: value` lines under it",
    ...placeOf(tree, path),
  };
}
