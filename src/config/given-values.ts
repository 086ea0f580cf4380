/**
 * Given values: what somebody wrote for a setting, read by the setting's own
 * reader. The nearest layer that names it wins. Faults are collected with the
 * place they come from, and stop nobody: the caller goes on with the default.
 */
import { resolve } from "node:path";
import { assert } from "../base/assert.ts";
import type { Failure } from "../base/result.ts";
import type { TlsConfig } from "./config.ts";
import type { Given, Layer } from "./layer.ts";
import type { Reader } from "./readers.ts";
import type { SettingTable, ValueOf } from "./setting.ts";
import { statOrNull } from "./source.ts";

export class GivenValues<Table extends SettingTable> {
  readonly failures: Failure[] = [];
  readonly #table: Table;
  readonly #layers: readonly Layer[];

  constructor(table: Table, layers: readonly Layer[]) {
    this.#table = table;
    this.#layers = layers;
  }

  /** The nearest layer that says anything of these. */
  nearest(...keys: readonly (keyof Table & string)[]): Layer | undefined {
    return this.#layers.find((layer) => keys.some((key) => layer.has(key)));
  }

  value<Key extends keyof Table & string, Default>(key: Key, absent: Default): ValueOf<Table[Key]> | Default {
    const entry = this.entry(key);
    if (entry === undefined) return absent;
    const read = (entry.read ?? this.#table[key]!.read) as Reader<ValueOf<Table[Key]>>;
    const result = read(entry.value);
    if (result.ok) return result.value;
    const shown = this.#table[key]!.shown ?? JSON.stringify;
    this.refuse(key, "CONFIG_BAD_VALUE", `${shown(entry.value)} ${result.failure}`.trimStart());
    return absent;
  }

  /** Absolute; null when it is not given. */
  path(key: keyof Table & string, kind: "file" | "directory" | "any"): string | null {
    const text = this.value(key, null);
    const entry = this.entry(key);
    if (text === null || entry === undefined) return null;
    const absolute = resolve(entry.baseDir, String(text));
    const stats = statOrNull(absolute);
    const fits = kind === "any" || (kind === "file" ? stats?.isFile() : stats?.isDirectory());
    if (!fits) {
      const state = stats === null ? "no such file or directory" : `not a ${kind}`;
      this.refuse(key, "CONFIG_PATH", `${absolute}: ${state}`, `Give an existing ${kind}`);
    }
    return absolute;
  }

  tlsPair(certKey: keyof Table & string, keyKey: keyof Table & string): TlsConfig | null {
    const certFile = this.path(certKey, "file");
    const keyFile = this.path(keyKey, "file");
    if ((certFile === null) !== (keyFile === null)) {
      const lone = certFile === null ? keyKey : certKey;
      this.refuse(lone, "CONFIG_CONFLICT", "is alone: TLS needs a certificate and its key", "Give both files (PEM)");
    }
    return certFile !== null && keyFile !== null ? { certFile, keyFile } : null;
  }

  /** As somebody wrote it, and where. */
  entry(key: keyof Table & string): Given | undefined {
    return this.nearest(key)?.get(key);
  }

  /** A failure of a value that is given: the fault follows the words by which its place is named. */
  refuse(key: keyof Table & string, code: string, fault: string, hint?: string): void {
    const entry = this.entry(key);
    assert(entry !== undefined, `${key} is refused, but nobody gave it`);
    const message = `${entry.origin} ${fault}`;
    this.failures.push({ code, message, ...(hint === undefined ? {} : { hint }), ...(entry.at === undefined ? {} : { at: entry.at }) });
  }
}
