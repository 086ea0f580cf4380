/**
 * Setting: one knob of a command, with every place that it may be set in.
 * Tables of settings (settings.ts, mirror/settings.ts) are what flags, help,
 * variables, pilotlight.yaml and the pages of the documentation come from.
 */
import { assert } from "../base/assert.ts";
import type { Flag } from "./flags.ts";
import type { Reader } from "./readers.ts";

export interface Setting<Value> {
  readonly read: Reader<Value>;
  readonly env?: string;
  readonly flag?: Omit<Flag, "setting">;
  /** What the flag says otherwise: for a setting without one. */
  readonly about?: SettingHelp;
  /** What a message may show of a value that is refused: all of it, unless said. */
  readonly shown?: (value: unknown) => string;
}

export type SettingHelp = Pick<Flag, "value" | "help" | "shown">;

export type SettingTable = Readonly<Record<string, Setting<unknown>>>;

export type ValueOf<Entry> = Entry extends Setting<infer Value> ? Value : never;

/** The flags that set something of a table. */
export function settingFlags(table: SettingTable): readonly Flag[] {
  return Object.entries(table).flatMap(([key, { flag }]) => (flag === undefined ? [] : [{ ...flag, setting: key }]));
}

export function settingHelp(table: SettingTable, key: string): SettingHelp {
  const help = table[key]?.flag ?? table[key]?.about;
  assert(help !== undefined, `the setting ${key} is explained nowhere`);
  return help;
}
