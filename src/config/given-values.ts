/**
 * Given values: what somebody wrote for a setting, read by the setting's own
 * reader. The nearest layer that names it wins. Faults are collected with the
 * place they come from, and stop nobody: the caller goes on with the default.
 */
import { resolve } from "node:path";
import type { Failure } from "../base/result.ts";
import type { TlsConfig } from "./config.ts";
import type { Reader } from "./readers.ts";
import { SETTINGS, type SettingKey, type SettingValue } from "./settings.ts";
import { statOrNull } from "./source.ts";
import type { Given, Layer } from "./tree.ts";

export class GivenValues {
  readonly failures: Failure[] = [];
  readonly #layers: readonly Layer[];

  constructor(layers: readonly Layer[]) {
    this.#layers = layers;
  }

  /** The nearest layer that says anything of these. */
  nearest(...keys: readonly SettingKey[]): Layer | undefined {
    return this.#layers.find((layer) => keys.some((key) => layer.has(key)));
  }

  value<Key extends SettingKey, Default>(key: Key, absent: Default): SettingValue<Key> | Default {
    const entry = this.#given(key);
    if (entry === undefined) return absent;
    const result = (SETTINGS[key].read as Reader<SettingValue<Key>>)(entry.value);
    if (result.ok) return result.value;
    this.#refuse(entry, "CONFIG_BAD_VALUE", `${JSON.stringify(entry.value)} ${result.failure}`);
    return absent;
  }

  /** Absolute; null when it is not given. */
  path(key: SettingKey, kind: "file" | "directory" | "any"): string | null {
    const text = this.value(key, null);
    const entry = this.#given(key);
    if (text === null || entry === undefined) return null;
    const absolute = resolve(entry.baseDir, String(text));
    const stats = statOrNull(absolute);
    const fits = kind === "any" || (kind === "file" ? stats?.isFile() : stats?.isDirectory());
    if (!fits) {
      const state = stats === null ? "no such file or directory" : `not a ${kind}`;
      this.#refuse(entry, "CONFIG_PATH", `${absolute}: ${state}`, `Give an existing ${kind}`);
    }
    return absolute;
  }

  tlsPair(certKey: SettingKey, keyKey: SettingKey): TlsConfig | null {
    const certFile = this.path(certKey, "file");
    const keyFile = this.path(keyKey, "file");
    if ((certFile === null) !== (keyFile === null)) {
      const lone = this.#given(certFile === null ? keyKey : certKey)!;
      this.#refuse(lone, "CONFIG_CONFLICT", "is alone: TLS needs a certificate and its key", "Give both files (PEM)");
    }
    return certFile !== null && keyFile !== null ? { certFile, keyFile } : null;
  }

  #given(key: SettingKey): Given | undefined {
    return this.nearest(key)?.get(key);
  }

  #refuse({ origin, at }: Given, code: string, fault: string, hint?: string): void {
    const message = `${origin} ${fault}`;
    this.failures.push({ code, message, ...(hint === undefined ? {} : { hint }), ...(at === undefined ? {} : { at }) });
  }
}
