/**
 * Variables of the environment: as a layer of given values, and what to say
 * of one that nobody knows. Must not say a value in any message.
 */
import type { Failure } from "../base/result.ts";
import { nearest } from "../base/suggest.ts";
import type { Given, Layer } from "./layer.ts";
import type { Reader } from "./readers.ts";

export type Env = Readonly<Record<string, string | undefined>>;

/** A variable that sets something. */
export interface Variable {
  readonly name: string;
  /** Key of the setting. */
  readonly setting: string;
  readonly read?: Reader<unknown>;
}

/** The first of a setting's variables counts. One that is set but empty counts as absent, as unset ones in a compose file are. */
export function variableLayer(variables: Iterable<Variable>, env: Env, cwd: string): Layer {
  const layer = new Map<string, Given>();
  for (const { name, setting, read } of variables) {
    const value = env[name];
    if (value && !layer.has(setting)) layer.set(setting, { value, origin: name, baseDir: cwd, ...(read === undefined ? {} : { read }) });
  }
  return layer;
}

/** All known names begin with the prefix. A misspelt variable would leave a limit unset without a word; other names that begin so may be somebody's own. */
export function misspeltVariables(env: Env, prefix: string, known: readonly string[], passedOver: readonly string[] = []): Failure[] {
  return Object.keys(env).flatMap((name) => {
    if (!name.startsWith(prefix) || known.includes(name) || passedOver.includes(name)) return [];
    // Without the prefix: its letters are no likeness, and would make every short name a near miss of every other.
    const meant = nearest(
      name.slice(prefix.length),
      known.map((one) => one.slice(prefix.length)),
    );
    return meant === null
      ? []
      : [{ code: "CONFIG_UNKNOWN_VARIABLE", message: `Unknown environment variable ${name}`, hint: `Did you mean ${prefix}${meant}?` }];
  });
}
