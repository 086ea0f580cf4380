/**
 * Settings: every knob of the server once, under its dotted pilotlight.yaml
 * key, with the flag, the environment variable and the reader that belong to
 * it. Flags, help, YAML and createServer's options all come from this table.
 */
import type { Flag } from "./flags.ts";
import { HTTP_SETTINGS } from "./http-settings.ts";
import {
  readAddress,
  readBoolean,
  readCount,
  readCountOrAuto,
  readDuration,
  readDurationAboveZero,
  readHost,
  readPort,
  readSize,
  readSizeAboveZero,
  readText,
} from "./readers.ts";
import { type SettingTable, settingFlags } from "./setting.ts";

const COUNT_MAX = 1_000_000_000;
const LISTEN = "Listening";
const LIMITS = "Limits, for each function unless pilotlight.yaml says otherwise";
const FILES = "Files";
const OUTPUT = "Output";
const TUNING = "Tuning";

export const SETTINGS = {
  port: {
    read: readPort,
    env: "PILOTLIGHT_PORT",
    flag: { name: "port", short: "p", value: "PORT", group: LISTEN, help: "port to listen on; 0 takes any free one", shown: "8080" },
  },
  host: {
    read: readHost,
    env: "PILOTLIGHT_HOST",
    flag: { name: "host", short: "h", value: "HOST", group: LISTEN, help: "address to listen on", shown: "127.0.0.1" },
  },
  cors: {
    read: readBoolean,
    env: "PILOTLIGHT_CORS",
    flag: { name: "cors", group: LISTEN, help: "answer cross-origin requests and preflights from everywhere" },
  },
  admin: {
    read: readAddress,
    env: "PILOTLIGHT_ADMIN",
    flag: {
      name: "admin",
      value: "ADDR",
      group: LISTEN,
      help: 'metrics, logs and control; "off" for none; off loopback it needs a token and TLS',
      shown: "127.0.0.1:8081",
    },
  },
  "admin.host": { read: readHost, about: { value: "HOST", help: "host of the admin address, instead of admin", shown: "127.0.0.1" } },
  "admin.port": { read: readPort, about: { value: "PORT", help: "port of the admin address, instead of admin", shown: "8081" } },
  "admin.token": {
    read: readText,
    env: "PILOTLIGHT_ADMIN_TOKEN",
    about: { value: "TEXT", help: "asked for as a bearer token, 16 characters or more; required off loopback" },
  },
  "admin.tls.cert": {
    read: readText,
    about: { value: "FILE", help: "certificate chain (PEM) of the admin address; required off loopback" },
  },
  "admin.tls.key": { read: readText, about: { value: "FILE", help: "private key (PEM) of that certificate" } },
  "tls.cert": {
    read: readText,
    env: "PILOTLIGHT_TLS_CERT",
    flag: { name: "tls-cert", value: "FILE", group: LISTEN, help: "certificate chain (PEM): serve HTTPS; re-read when it changes" },
  },
  "tls.key": {
    read: readText,
    env: "PILOTLIGHT_TLS_KEY",
    flag: { name: "tls-key", value: "FILE", group: LISTEN, help: "private key (PEM) of the certificate" },
  },
  memory: {
    read: readSizeAboveZero,
    env: "PILOTLIGHT_MEMORY",
    flag: {
      name: "memory",
      short: "m",
      value: "SIZE",
      group: LIMITS,
      help: "memory of a sandbox; JavaScript gets at least 8m",
      shown: "128m",
    },
  },
  timeout: {
    read: readDurationAboveZero,
    env: "PILOTLIGHT_TIMEOUT",
    flag: { name: "timeout", short: "t", value: "TIME", group: LIMITS, help: "longest a call may take, waiting included", shown: "30s" },
  },
  cpu_timeout: {
    read: readDurationAboveZero,
    env: "PILOTLIGHT_CPU_TIMEOUT",
    flag: { name: "cpu-timeout", value: "TIME", group: LIMITS, help: "longest a call may compute without a pause", shown: "5s" },
  },
  pool: {
    read: readCountOrAuto(1, 100_000),
    env: "PILOTLIGHT_POOL",
    flag: {
      name: "pool",
      short: "n",
      value: "N",
      group: LIMITS,
      help: "concurrent calls in one worker; auto goes by its isolation",
      shown: "auto",
    },
  },
  pool_wait_timeout_ms: {
    read: readDuration,
    flag: { name: "pool-wait-timeout-ms", value: "MS", group: LIMITS, help: "longest wait for a place in the pool, then 503", shown: "5" },
  },
  static: {
    read: readText,
    env: "PILOTLIGHT_STATIC",
    flag: { name: "static", value: "DIR", group: FILES, help: "serve the files of DIR under /static/" },
  },
  data_dir: {
    read: readText,
    env: "PILOTLIGHT_DATA_DIR",
    flag: { name: "data-dir", value: "DIR", group: FILES, help: "caches, sockets and state", shown: ".pilotlight" },
  },
  record: {
    read: readText,
    env: "PILOTLIGHT_RECORD",
    flag: { name: "record", value: "DIR", group: FILES, help: "keep what requests of WebAssembly functions depended on, for replay" },
  },
  quiet: {
    read: readBoolean,
    env: "PILOTLIGHT_QUIET",
    flag: { name: "quiet", short: "q", group: OUTPUT, help: "no line per request and no pool lines" },
  },
  pool_metrics_every: {
    read: readCount(0, COUNT_MAX),
    flag: { name: "pool-metrics-every", value: "N", group: OUTPUT, help: "a line of pool metrics every N calls; 0 is never", shown: "0" },
  },
  workers: {
    read: readCountOrAuto(1, 256),
    env: "PILOTLIGHT_WORKERS",
    flag: { name: "workers", short: "w", value: "N", group: TUNING, help: "worker processes", shown: "number of CPUs" },
  },
  worker_memory: {
    read: readSizeAboveZero,
    env: "PILOTLIGHT_WORKER_MEMORY",
    flag: {
      name: "worker-memory",
      value: "SIZE",
      group: TUNING,
      help: "a worker that grows past this is drained and replaced",
      shown: "1g, at most half of the machine",
    },
  },
  sandbox_memory_budget: {
    read: readSize,
    env: "PILOTLIGHT_SANDBOX_MEMORY_BUDGET",
    flag: {
      name: "sandbox-memory-budget",
      value: "SIZE",
      group: TUNING,
      help: "idle sandboxes above this are closed, oldest first",
      shown: "512m",
    },
  },
  static_cache_max_bytes: {
    read: readSize,
    flag: { name: "static-cache-max-bytes", value: "SIZE", group: TUNING, help: "memory for cached static files", shown: "2m" },
  },
  static_cache_max_file_size: {
    read: readSize,
    flag: {
      name: "static-cache-max-file-size",
      value: "SIZE",
      group: TUNING,
      help: "larger static files are read each time",
      shown: "128k",
    },
  },
  ...HTTP_SETTINGS,
  "jobs.requests": {
    read: readBoolean,
    about: { help: "whether a client's Prefer: respond-async (or X-Gojinn-Async: true) makes its request a job", shown: "true" },
  },
  "jobs.attempts": { read: readCount(1, 1_000), about: { value: "N", help: "attempts after which a job is dead", shown: "5" } },
  "jobs.retry_delay": {
    read: readDurationAboveZero,
    about: { value: "TIME", help: "wait before a job's second attempt; doubled for each one after, give or take half", shown: "1s" },
  },
  "jobs.retry_delay_max": { read: readDurationAboveZero, about: { value: "TIME", help: "longest such wait", shown: "1h" } },
  "jobs.concurrency": {
    read: readCount(0, 1_000),
    about: { value: "N", help: "jobs that one worker runs at once; 0 leaves them to another server", shown: "8" },
  },
  "jobs.keep": { read: readDurationAboveZero, about: { value: "TIME", help: "how long a job's result can be asked for", shown: "24h" } },
  "jobs.keep_dead": {
    read: readDurationAboveZero,
    about: { value: "TIME", help: "how long a dead job can be looked at and replayed", shown: "720h" },
  },
} as const satisfies SettingTable;

export type SettingKey = keyof typeof SETTINGS;

export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

/** The flags of `serve` and `dev` that set something. */
export const SETTING_FLAGS: readonly Flag[] = settingFlags(SETTINGS);
