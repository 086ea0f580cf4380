/**
 * Settle: layers of given values to one frozen Config. Every default stands
 * here; then the relations between settings are checked. Every problem is
 * collected, none stops the others.
 */
import { relative, resolve, sep } from "node:path";
import { deepFreeze } from "../base/deep-freeze.ts";
import { isLoopback } from "../base/loopback.ts";
import type { Failure } from "../base/result.ts";
import { DAY_MS, formatSize, GIB, HOUR_MS, KIB, MIB, SECOND_MS } from "../base/units.ts";
import type { AdminConfig, Config, FunctionOverrides, Source } from "./config.ts";
import { GivenValues } from "./given-values.ts";
import { settleHttp } from "./http-settings.ts";
import type { Layer } from "./layer.ts";
import { SETTINGS } from "./settings.ts";

export interface Machine {
  readonly cpuCount: number;
  readonly memoryBytes: number;
}

const LOOPBACK = "127.0.0.1";
const PORT_DEFAULT = 8080;
const ADMIN_PORT_DEFAULT = 8081;
const ADMIN_TOKEN_MIN_LENGTH = 16;
const ADMIN_ADDRESS_KEYS = ["admin", "admin.host", "admin.port"] as const;

type ServerValues = GivenValues<typeof SETTINGS>;

export function settle(
  mode: Config["mode"],
  layers: readonly Layer[],
  source: Source,
  functions: Readonly<Record<string, FunctionOverrides>>,
  cwd: string,
  machine: Machine,
): { readonly config: Config; readonly failures: readonly Failure[] } {
  const given = new GivenValues(SETTINGS, layers);
  const host = given.value("host", LOOPBACK);
  const port = given.value("port", PORT_DEFAULT);
  const memoryBytes = given.value("memory", null);
  const memoryMaxBytes = memoryBytes ?? 128 * MIB;
  const workerMemoryDefault = Math.min(Math.max(GIB, 2 * memoryMaxBytes), Math.floor(machine.memoryBytes / 2));
  const config: Config = {
    mode,
    source,
    host,
    port,
    workerCount: given.value("workers", null) ?? (mode === "dev" ? 1 : machine.cpuCount),
    poolSize: given.value("pool", null),
    poolWaitTimeoutMs: given.value("pool_wait_timeout_ms", 5),
    poolMetricsEvery: given.value("pool_metrics_every", 0),
    memoryMaxBytes,
    processMemoryMaxBytes: memoryBytes ?? 256 * MIB,
    timeoutMs: given.value("timeout", 30 * SECOND_MS),
    cpuTimeoutMs: given.value("cpu_timeout", 5 * SECOND_MS),
    cors: given.value("cors", false),
    quiet: given.value("quiet", false),
    staticDir: given.path("static", "directory"),
    staticCacheMaxBytes: given.value("static_cache_max_bytes", 2 * MIB),
    staticCacheMaxFileBytes: given.value("static_cache_max_file_size", 128 * KIB),
    dataDir: given.path("data_dir", "any") ?? resolve(cwd, ".pilotlight"),
    recordDir: given.path("record", "any"),
    tls: given.tlsPair("tls.cert", "tls.key"),
    admin: settleAdmin(given, [port, ...Object.values(functions).map((one) => one.port)]),
    http: settleHttp(given, 100 * MIB),
    workerMemoryMaxBytes: given.value("worker_memory", workerMemoryDefault),
    sandboxMemoryBudgetBytes: given.value("sandbox_memory_budget", 512 * MIB),
    jobs: {
      requests: given.value("jobs.requests", true),
      attemptsMax: given.value("jobs.attempts", 5),
      retryDelayMs: given.value("jobs.retry_delay", SECOND_MS),
      retryDelayMaxMs: given.value("jobs.retry_delay_max", HOUR_MS),
      concurrency: given.value("jobs.concurrency", 8),
      keepMs: given.value("jobs.keep", DAY_MS),
      keepDeadMs: given.value("jobs.keep_dead", 30 * DAY_MS),
    },
    functions,
  };
  const failures = [
    ...given.failures,
    ...adminFailures(config),
    ...memoryFailures(config),
    ...dataDirFailures(config),
    ...recordDirFailures(config),
  ];
  return { config: deepFreeze(config), failures };
}

function settleAdmin(given: ServerValues, ports: readonly (number | undefined)[]): AdminConfig | null {
  // The nearest layer that speaks of the address speaks alone: `--admin off` beats a port in the file.
  const nearest = given.nearest(...ADMIN_ADDRESS_KEYS);
  const address = nearest?.has("admin") ? given.value("admin", undefined) : undefined;
  if (address === null) return null;
  const host = (nearest?.has("admin") ? address?.host : given.value("admin.host", null)) ?? LOOPBACK;
  const asked = (nearest?.has("admin") ? address?.port : given.value("admin.port", null)) ?? null;
  return {
    host,
    // Who has the admin port's default must not be told to move: the default moves.
    port: asked ?? firstAbsent(ADMIN_PORT_DEFAULT, ports),
    named: nearest !== undefined,
    token: given.value("admin.token", null),
    tls: given.tlsPair("admin.tls.cert", "admin.tls.key"),
  };
}

function firstAbsent(from: number, numbers: readonly (number | undefined)[]): number {
  let number = from;
  while (numbers.includes(number)) number++;
  return number;
}

function adminFailures({ admin, host, port }: Config): Failure[] {
  if (admin === null) return [];
  const failures: Failure[] = isLoopback(admin.host) ? [] : exposureFailures(admin);
  if (admin.port !== 0 && admin.port === port && sameHost(host, admin.host)) {
    failures.push({
      code: "CONFIG_CONFLICT",
      message: `The admin address and the server both want port ${port}`,
      hint: "Give --admin another port, or --admin off",
    });
  }
  return failures;
}

function exposureFailures({ host, port, token, tls }: AdminConfig): Failure[] {
  const where = `The admin address ${host}:${port} is reachable from other machines`;
  const failure = (fault: string, hint: string): Failure => ({ code: "CONFIG_ADMIN_EXPOSED", message: `${where} ${fault}`, hint });
  const failures: Failure[] = [];
  if (token === null) failures.push(failure("and has no token", "Set PILOTLIGHT_ADMIN_TOKEN, or listen on 127.0.0.1"));
  else if (token.length < ADMIN_TOKEN_MIN_LENGTH) {
    const hint = `Use ${ADMIN_TOKEN_MIN_LENGTH} characters or more: openssl rand -hex 16`;
    failures.push(failure("and its token is short enough to guess", hint));
  }
  if (tls === null) {
    failures.push(failure("without TLS", "Set admin.tls.cert and admin.tls.key in pilotlight.yaml, or listen on 127.0.0.1"));
  }
  return failures;
}

/** What is written there would be taken for a change of the functions; hidden folders are not looked into. */
function recordDirFailures({ source, recordDir }: Config): Failure[] {
  if (source.kind !== "folder" || recordDir === null) return [];
  const inside = relative(source.path, recordDir);
  if (inside.split(sep).some((part) => part.startsWith("."))) return [];
  return [
    {
      code: "CONFIG_CONFLICT",
      message: `The recordings would lie in the folder of functions, at ${recordDir}`,
      hint: "Give --record a folder beside it, or a hidden one: --record .recordings",
    },
  ];
}

function dataDirFailures({ source, dataDir }: Config): Failure[] {
  if (source.kind !== "folder" || source.path !== dataDir) return [];
  const message = `The data folder ${dataDir} is the folder of functions itself: what is kept there would be served`;
  return [{ code: "CONFIG_CONFLICT", message, hint: "Give --data-dir a folder of its own" }];
}

function memoryFailures({ memoryMaxBytes, workerMemoryMaxBytes }: Config): Failure[] {
  if (memoryMaxBytes <= workerMemoryMaxBytes) return [];
  const message = `A function may take ${formatSize(memoryMaxBytes)} but its worker is replaced at ${formatSize(workerMemoryMaxBytes)}`;
  return [{ code: "CONFIG_CONFLICT", message, hint: "Lower --memory or raise --worker-memory" }];
}

/** Could both listen on one port? The wildcard addresses contain every other. */
function sameHost(one: string, other: string): boolean {
  const wildcards = ["0.0.0.0", "::"];
  return one === other || wildcards.includes(one) || wildcards.includes(other) || (isLoopback(one) && isLoopback(other));
}
