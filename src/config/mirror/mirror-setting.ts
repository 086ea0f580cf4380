/** What a setting of the mirror has beside that of the server: variables under several prefixes, and secrets. */
import type { Reader } from "../readers.ts";
import type { Setting } from "../setting.ts";

export interface MirrorSetting<Value> extends Setting<Value> {
  /** Behind each prefix; the first is the one that the documentation names. */
  readonly variables?: readonly string[];
  /** Without a prefix, after all others. */
  readonly bareVariables?: readonly string[];
  /** In place of `read`, where a variable is written in another way. */
  readonly readVariable?: Reader<Value>;
  /** Only a variable may hold it: it belongs into no file and no list of processes. */
  readonly isSecret?: true;
}

/** Nothing of a secret is shown, not even when it is refused. */
export const HIDDEN = (): string => "";
