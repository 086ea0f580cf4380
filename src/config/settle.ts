/**
 * Settle: layers of given values to one frozen Config. The nearest layer that
 * names a setting wins; defaults fill the rest; then the relations between
 * settings are checked. Every problem is collected, none stops the others.
 */
import { resolve } from "node:path";
import { isLoopback } from "../base/loopback.ts";
import type { Failure } from "../base/result.ts";
import { formatSize, GIB, KIB, MIB, SECOND_MS } from "../base/units.ts";
import type { AdminConfig, Config, FunctionOverrides, Source, TlsConfig } from "./config.ts";
import type { Reader } from "./readers.ts";
import { SETTINGS, type SettingKey, type SettingValue } from "./settings.ts";
import { statOrNull } from "./source.ts";
import type { Given, Layer } from "./tree.ts";

export interface Machine {
  readonly cpuCount: number;
  readonly memoryBytes: number;
}

const LOOPBACK = "127.0.0.1";
const PORT_DEFAULT = 8080;
const ADMIN_PORT_DEFAULT = 8081;
const ADMIN_TOKEN_MIN_LENGTH = 16;

export function settle(
  mode: Config["mode"],
  layers: readonly Layer[],
  source: Source,
  functions: Readonly<Record<string, FunctionOverrides>>,
  cwd: string,
  machine: Machine,
): { readonly config: Config; readonly failures: readonly Failure[] } {
  const failures: Failure[] = [];

  const given = (key: SettingKey): Given | undefined => layers.find((layer) => layer.has(key))?.get(key);
  function value<Key extends SettingKey, Default>(key: Key, absent: Default): SettingValue<Key> | Default {
    const entry = given(key);
    if (entry === undefined) return absent;
    const result = (SETTINGS[key].read as Reader<SettingValue<Key>>)(entry.value);
    if (result.ok) return result.value;
    failures.push({
      code: "CONFIG_BAD_VALUE",
      message: `${entry.origin} ${JSON.stringify(entry.value)} ${result.failure}`,
      ...position(entry),
    });
    return absent;
  }
  function path(key: SettingKey, kind: "file" | "directory" | "any"): string | null {
    const text = value(key, null);
    const entry = given(key);
    if (text === null || entry === undefined) return null;
    const absolute = resolve(entry.baseDir, String(text));
    const stats = statOrNull(absolute);
    const fits = kind === "any" || (kind === "file" ? stats?.isFile() : stats?.isDirectory());
    if (!fits) {
      const state = stats === null ? "no such file or directory" : `not a ${kind}`;
      failures.push({
        code: "CONFIG_PATH",
        message: `${entry.origin} ${absolute}: ${state}`,
        hint: `Give an existing ${kind}`,
        ...position(entry),
      });
    }
    return absolute;
  }
  function tlsPair(certKey: SettingKey, keyKey: SettingKey): TlsConfig | null {
    const certFile = path(certKey, "file");
    const keyFile = path(keyKey, "file");
    if ((certFile === null) !== (keyFile === null)) {
      const lone = given(certFile === null ? keyKey : certKey)!;
      failures.push({
        code: "CONFIG_CONFLICT",
        message: `${lone.origin} is alone: TLS needs a certificate and its key`,
        hint: "Give both files (PEM)",
        ...position(lone),
      });
    }
    return certFile !== null && keyFile !== null ? { certFile, keyFile } : null;
  }

  const host = value("host", LOOPBACK);
  const port = value("port", PORT_DEFAULT);
  const memoryMaxBytes = value("memory", 128 * MIB);
  const workerMemoryDefault = Math.min(Math.max(GIB, 2 * memoryMaxBytes), Math.floor(machine.memoryBytes / 2));
  const config: Config = {
    mode,
    source,
    host,
    port,
    workerCount: value("workers", null) ?? (mode === "dev" ? 1 : machine.cpuCount),
    poolSize: value("pool", null),
    poolWaitTimeoutMs: value("pool_wait_timeout_ms", 5),
    poolMetricsEvery: value("pool_metrics_every", 0),
    memoryMaxBytes,
    timeoutMs: value("timeout", 30 * SECOND_MS),
    cpuTimeoutMs: value("cpu_timeout", 5 * SECOND_MS),
    cors: value("cors", false),
    quiet: value("quiet", false),
    staticDir: path("static", "directory"),
    staticCacheMaxBytes: value("static_cache_max_bytes", 2 * MIB),
    staticCacheMaxFileBytes: value("static_cache_max_file_size", 128 * KIB),
    dataDir: path("data_dir", "any") ?? resolve(cwd, ".pilotlight"),
    tls: tlsPair("tls.cert", "tls.key"),
    admin: admin(),
    http: {
      bodyMaxBytes: value("http.body_max", 100 * MIB),
      headerMaxBytes: value("http.header_max", 32 * KIB),
      targetMaxBytes: value("http.target_max", 16 * KIB),
      headerTimeoutMs: value("http.header_timeout", 10 * SECOND_MS),
      idleTransferTimeoutMs: value("http.idle_timeout", 30 * SECOND_MS),
      keepAliveTimeoutMs: value("http.keep_alive_timeout", 65 * SECOND_MS),
      connectionMaxCount: value("http.connections_max", 20_000),
    },
    workerMemoryMaxBytes: value("worker_memory", workerMemoryDefault),
    sandboxMemoryBudgetBytes: value("sandbox_memory_budget", 512 * MIB),
    functions,
  };
  checkMemory();
  checkDataDir();
  return { config: deepFreeze(config), failures };

  function admin(): AdminConfig | null {
    // The nearest layer that speaks of the address speaks alone: `--admin off` beats a port in the file.
    const nearest = layers.find((layer) => ["admin", "admin.host", "admin.port"].some((key) => layer.has(key as SettingKey)));
    const address = nearest?.has("admin") ? value("admin", undefined) : undefined;
    if (address === null) return null;
    const adminHost = (nearest?.has("admin") ? address?.host : value("admin.host", null)) ?? LOOPBACK;
    const asked = (nearest?.has("admin") ? address?.port : value("admin.port", null)) ?? null;
    const result: AdminConfig = {
      host: adminHost,
      // A server on the admin port's default must not be told to move: the default moves.
      port: asked ?? (port === ADMIN_PORT_DEFAULT ? ADMIN_PORT_DEFAULT + 1 : ADMIN_PORT_DEFAULT),
      named: nearest !== undefined,
      token: value("admin.token", null),
      tls: tlsPair("admin.tls.cert", "admin.tls.key"),
    };
    if (asked !== null && asked !== 0 && asked === port && sameHost(host, adminHost)) {
      failures.push({
        code: "CONFIG_CONFLICT",
        message: `The admin address and the server both want port ${port}`,
        hint: "Give --admin another port, or --admin off",
      });
    }
    if (!isLoopback(adminHost)) checkExposedAdmin(result);
    return result;
  }

  function checkExposedAdmin({ host: adminHost, port: adminPort, token, tls }: AdminConfig): void {
    const where = `The admin address ${adminHost}:${adminPort} is reachable from other machines`;
    if (token === null) {
      failures.push({
        code: "CONFIG_ADMIN_EXPOSED",
        message: `${where} and has no token`,
        hint: "Set PILOTLIGHT_ADMIN_TOKEN, or listen on 127.0.0.1",
      });
    } else if (token.length < ADMIN_TOKEN_MIN_LENGTH) {
      const hint = `Use ${ADMIN_TOKEN_MIN_LENGTH} characters or more: openssl rand -hex 16`;
      failures.push({ code: "CONFIG_ADMIN_EXPOSED", message: `${where} and its token is short enough to guess`, hint });
    }
    if (tls === null) {
      failures.push({
        code: "CONFIG_ADMIN_EXPOSED",
        message: `${where} without TLS`,
        hint: "Set admin.tls.cert and admin.tls.key in pilotlight.yaml, or listen on 127.0.0.1",
      });
    }
  }

  function checkDataDir(): void {
    if (source.kind !== "folder" || source.path !== config.dataDir) return;
    failures.push({
      code: "CONFIG_CONFLICT",
      message: `The data folder ${config.dataDir} is the folder of functions itself: what is kept there would be served`,
      hint: "Give --data-dir a folder of its own",
    });
  }

  function checkMemory(): void {
    if (config.memoryMaxBytes <= config.workerMemoryMaxBytes) return;
    const ceiling = formatSize(config.workerMemoryMaxBytes);
    failures.push({
      code: "CONFIG_CONFLICT",
      message: `A function may take ${formatSize(config.memoryMaxBytes)} but its worker is replaced at ${ceiling}`,
      hint: "Lower --memory or raise --worker-memory",
    });
  }
}

function position(entry: Given): Pick<Failure, "at"> {
  return entry.at === undefined ? {} : { at: entry.at };
}

/** Could both listen on one port? The wildcard addresses contain every other. */
function sameHost(one: string, other: string): boolean {
  const wildcards = ["0.0.0.0", "::"];
  return one === other || wildcards.includes(one) || wildcards.includes(other) || (isLoopback(one) && isLoopback(other));
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
