/**
 * Settings of the mirror: every knob once, under its dotted key in the
 * `mirror:` part of pilotlight.yaml, with the flag and the variables that
 * belong to it. Variables are named as proxpi and groxpi name them, each under
 * three prefixes (variables.ts).
 */
import { HTTP_SETTINGS } from "../http-settings.ts";
import { readBoolean, readCount, readDuration, readHost, readPort, readSize, readSizeAboveZero, readText } from "../readers.ts";
import { withoutCredentials } from "./index-address.ts";
import { HIDDEN, type MirrorSetting } from "./mirror-setting.ts";
import {
  inSeconds,
  readCooldown,
  readIndexUrl,
  readList,
  readLogFormat,
  readLogLevel,
  readPassword,
  readPatterns,
  readPins,
  readPolicyMode,
  readSecret,
  readTtl,
  readUserName,
  readVariableNames,
} from "./readers.ts";
import { STORAGE_SETTINGS } from "./storage-settings.ts";
import { UPSTREAM_SETTINGS } from "./upstream-settings.ts";

const LISTEN = "Listening";
const INDEXES = "Indexes";
const CACHE = "Cache";
const POLICY = "Policy";
const OUTPUT = "Output";

export const MIRROR_SETTINGS = {
  port: {
    read: readPort,
    variables: ["PORT"],
    bareVariables: ["PORT"],
    flag: { name: "port", short: "p", value: "PORT", group: LISTEN, help: "port to listen on; 0 takes any free one", shown: "5005" },
  },
  host: {
    read: readHost,
    variables: ["HOST"],
    bareVariables: ["HOST"],
    flag: { name: "host", short: "h", value: "HOST", group: LISTEN, help: "address to listen on", shown: "127.0.0.1" },
  },
  "tls.cert": {
    read: readText,
    variables: ["TLS_CERT"],
    flag: { name: "tls-cert", value: "FILE", group: LISTEN, help: "certificate chain (PEM): serve HTTPS; re-read when it changes" },
  },
  "tls.key": {
    read: readText,
    variables: ["TLS_KEY"],
    flag: { name: "tls-key", value: "FILE", group: LISTEN, help: "private key (PEM) of the certificate" },
  },
  "clients.tokens": {
    read: readList(readSecret),
    variables: ["CLIENT_TOKENS"],
    isSecret: true,
    shown: HIDDEN,
    about: { value: "TOKEN,…", help: "whoever brings one may use the mirror: as a bearer token, or as the password of any user name" },
  },
  "clients.tokens_env": {
    read: readVariableNames,
    about: { value: "[NAME, …]", help: "variables that hold such tokens" },
  },
  "clients.htpasswd": {
    read: readText,
    variables: ["HTPASSWD"],
    flag: {
      name: "htpasswd",
      value: "FILE",
      group: LISTEN,
      help: "who may use the mirror: bcrypt, apr1 or {SHA}; re-read when it changes",
    },
  },
  index_url: {
    read: readIndexUrl,
    variables: ["INDEX_URL"],
    shown: withoutCredentials,
    flag: { name: "index-url", short: "i", value: "URL", group: INDEXES, help: "the index to mirror", shown: "that of pip or uv here" },
  },
  index_ttl: {
    read: readTtl,
    variables: ["INDEX_TTL"],
    readVariable: inSeconds(readTtl),
    flag: { name: "index-ttl", value: "TIME", group: INDEXES, help: "how long its pages are fresh; 0 asks each time", shown: "30m" },
  },
  index_token: {
    read: readSecret,
    variables: ["INDEX_TOKEN"],
    isSecret: true,
    shown: HIDDEN,
    about: { value: "TOKEN", help: "sent to index_url as a bearer token" },
  },
  index_username: {
    read: readUserName,
    variables: ["INDEX_USERNAME"],
    isSecret: true,
    shown: HIDDEN,
    about: { value: "NAME", help: "user name for index_url" },
  },
  index_password: {
    read: readPassword,
    variables: ["INDEX_PASSWORD"],
    isSecret: true,
    shown: HIDDEN,
    about: { value: "TEXT", help: "password for index_url" },
  },
  extra_index_urls: {
    read: readList(readIndexUrl),
    variables: ["EXTRA_INDEX_URLS"],
    shown: withoutCredentials,
    flag: {
      name: "extra-index-url",
      value: "URL",
      group: INDEXES,
      repeatable: true,
      help: "asked in turn for what those before it don't have",
    },
  },
  extra_index_ttls: {
    read: readList(readTtl),
    variables: ["EXTRA_INDEX_TTLS", "EXTRA_INDEX_TTL"],
    readVariable: readList(inSeconds(readTtl)),
    about: { value: "[TIME, …]", help: "as index_ttl, one for each of extra_index_urls", shown: "3m each" },
  },
  no_index: {
    read: readBoolean,
    variables: ["NO_INDEX"],
    flag: { name: "no-index", group: INDEXES, help: "mirror no index: the folder of packages alone" },
  },
  packages: {
    read: readText,
    variables: ["PACKAGES"],
    flag: { name: "packages", value: "DIR", group: INDEXES, help: "wheels and sdists that form the first index and own their names" },
  },
  pin: {
    read: readPins,
    flag: {
      name: "pin",
      value: "PATTERN=INDEX",
      group: INDEXES,
      repeatable: true,
      help: "only that index may answer for such names: acme-*=index-2",
    },
  },
  "cache.dir": {
    read: readText,
    variables: ["CACHE_DIR"],
    flag: {
      name: "cache-dir",
      value: "DIR",
      group: CACHE,
      help: "pages, files and what is known of them",
      shown: "mirror in the data folder",
    },
  },
  "cache.size": {
    read: readSize,
    variables: ["CACHE_SIZE"],
    flag: {
      name: "cache-size",
      value: "SIZE",
      group: CACHE,
      help: "files above this sum go, least recently used first; 0 keeps none",
      shown: "5g",
    },
  },
  "response_cache.ttl": {
    read: readDuration,
    variables: ["RESPONSE_CACHE_TTL"],
    readVariable: inSeconds(readDuration),
    about: { value: "TIME", help: "how long a prepared page answers before its index's freshness is looked at again", shown: "5m" },
  },
  "response_cache.memory": {
    read: readSizeAboveZero,
    variables: ["RESPONSE_CACHE_MEMORY"],
    about: { value: "SIZE", help: "memory for prepared pages", shown: "128m" },
  },
  prefetch: {
    read: readCount(0, 1_000),
    variables: ["PREFETCH"],
    flag: { name: "prefetch", value: "N", group: CACHE, help: "a page that came warms the metadata of its N newest versions", shown: "0" },
  },
  binary_file_mime_type: {
    read: readBoolean,
    variables: ["BINARY_FILE_MIME_TYPE"],
    about: { help: "files are told as application/octet-stream, whatever their names say" },
  },
  ...STORAGE_SETTINGS,
  ...UPSTREAM_SETTINGS,
  "policy.deny": {
    read: readPatterns,
    flag: { name: "deny", value: "PATTERN", group: POLICY, repeatable: true, help: "hide such projects, before any other rule" },
  },
  "policy.cooldown": {
    read: readCooldown,
    variables: ["COOLDOWN"],
    readVariable: inSeconds(readCooldown),
    flag: { name: "cooldown", value: "TIME", group: POLICY, help: "hide files until they are this old; 0 is off", shown: "0" },
  },
  "policy.cooldown_exempt": {
    read: readPatterns,
    about: { value: "[PATTERN, …]", help: "names that the cool-down passes over" },
  },
  "policy.mode": {
    read: readPolicyMode,
    variables: ["POLICY_MODE"],
    flag: {
      name: "policy",
      value: "enforce|shadow",
      group: POLICY,
      help: "shadow hides nothing and says what it would have hidden",
      shown: "enforce",
    },
  },
  "log.level": {
    read: readLogLevel,
    variables: ["LOGGING_LEVEL", "LOG_LEVEL"],
    flag: { name: "log-level", value: "LEVEL", group: OUTPUT, help: "debug, info, warn or error", shown: "info" },
  },
  "log.format": {
    read: readLogFormat,
    variables: ["LOG_FORMAT"],
    flag: { name: "log-format", value: "json|console", group: OUTPUT, help: "one JSON object a line, or lines for people", shown: "json" },
  },
  "log.color": {
    read: readBoolean,
    variables: ["LOG_COLOR"],
    about: { help: "whether lines for people are coloured", shown: "in a terminal" },
  },
  ...HTTP_SETTINGS,
  "http.body_max": { read: readSize, about: { value: "SIZE", help: "largest request body, then 413", shown: "16m" } },
} as const satisfies Readonly<Record<string, MirrorSetting<unknown>>>;

export type MirrorTable = typeof MIRROR_SETTINGS;
export type MirrorKey = keyof MirrorTable;
