/**
 * Layers: what each place says of settings (the flags, the environment, a
 * file), under the keys of their table. Values are as written; who reads them
 * (given-values.ts) takes the nearest layer that has one.
 */
import type { Failure } from "../base/result.ts";
import type { Flag } from "./flags.ts";
import type { Reader } from "./readers.ts";

/** One value and where somebody wrote it. */
export interface Given {
  readonly value: unknown;
  /** How a message names it: "--port", "PILOTLIGHT_PORT", "port". */
  readonly origin: string;
  /** Relative paths in it start here. */
  readonly baseDir: string;
  readonly at?: NonNullable<Failure["at"]>;
  /** In place of the setting's own: this place has another way of writing it. */
  readonly read?: Reader<unknown>;
}

export type Layer = ReadonlyMap<string, Given>;

/** Of a repeatable flag all values count, of another the last. */
export function flagLayer(flags: readonly Flag[], values: ReadonlyMap<string, readonly string[]>, cwd: string): Layer {
  const layer = new Map<string, Given>();
  for (const { name, setting, repeatable } of flags) {
    const given = values.get(name);
    if (setting === undefined || given === undefined) continue;
    layer.set(setting, { value: repeatable ? given : given.at(-1), origin: `--${name}`, baseDir: cwd });
  }
  return layer;
}
