/**
 * Idle pins: the folder of packages owns the names that its files bear, before
 * any pin is looked at (pages/project-pages.ts). Whoever pins such a name to an
 * index meant something else, and is told at the start. Pure; what is put into
 * the folder later is not looked at.
 */
import type { NamePin } from "../config/mirror-config.ts";
import { matchesName } from "./policy/name-pattern.ts";

export interface IdlePin extends NamePin {
  /** Projects that the pattern means and the folder owns; never empty. */
  readonly owned: readonly string[];
}

/** `names` are those of the folder's projects. Of several pins that mean a name, the first one counts. */
export function idlePins(pins: readonly NamePin[], names: readonly string[]): readonly IdlePin[] {
  const byPin = Map.groupBy(names, (name) => pins.find(({ pattern }) => matchesName(pattern, name)));
  return pins.flatMap((pin) => {
    const owned = byPin.get(pin);
    return owned === undefined ? [] : [{ ...pin, owned }];
  });
}

export function describeIdlePin({ pattern, index, owned }: IdlePin, packagesDir: string): string {
  const [first] = owned;
  const names = owned.length === 1 ? `"${first}"` : `"${first}" and ${owned.length - 1} more`;
  return `The pin ${pattern}=${index} has no effect on ${names}: the folder of packages ${packagesDir} owns what lies in it`;
}
