/** Every variable of proxpi and groxpi, those that were only documented included, under every prefix. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFlags } from "../flags.ts";
import type { MirrorConfig } from "../mirror-config.ts";
import { parseConfig } from "../parse.ts";
import { type FoundMirrorConfig, MIRROR_FLAGS, mirrorConfigFromFlags } from "./parse.ts";
import { MIRROR_SETTINGS } from "./settings.ts";
import { PREFIXES, WITHOUT_EFFECT } from "./variables.ts";

const INDEX = "https://index.example/simple/";
const HERE = import.meta.dirname;
const FILE = import.meta.filename;
const BUCKET = { PILOTLIGHT_STORAGE_TYPE: "s3", PILOTLIGHT_S3_BUCKET: "wheels", AWS_ACCESS_KEY_ID: "k", AWS_SECRET_ACCESS_KEY: "s" };

type Env = Record<string, string>;

interface Case {
  readonly value: string;
  readonly seen: (config: MirrorConfig) => unknown;
  readonly is: unknown;
  /** Another value, for the variable that loses. */
  readonly other: string;
  readonly with?: Env;
}

const one = (value: string, other: string, is: unknown, seen: Case["seen"], more: Env = {}): Case => ({
  value,
  other,
  is,
  seen,
  with: more,
});
const s3 = (config: MirrorConfig) => (config.storage.kind === "s3" ? config.storage : assert.fail("not in a bucket"));
const without = (name: string): Env => Object.fromEntries(Object.entries(BUCKET).filter(([key]) => key !== name));

/** What each variable does: seen in the configuration. */
const CASES: Readonly<Record<string, Case>> = {
  INDEX_URL: one("https://a.example/simple", "https://b.example/", "https://a.example/simple/", ({ indexes }) => indexes[0]!.url),
  INDEX_TTL: one("60", "61", 60_000, ({ indexes }) => indexes[0]!.ttlMs),
  INDEX_TOKEN: one("t", "u", { kind: "bearer", token: "t" }, ({ indexes }) => indexes[0]!.auth, { PROXPI_INDEX_URL: INDEX }),
  INDEX_USERNAME: one("me", "you", { kind: "basic", username: "me", password: "" }, ({ indexes }) => indexes[0]!.auth, {
    PROXPI_INDEX_URL: INDEX,
  }),
  INDEX_PASSWORD: one("p", "q", { kind: "basic", username: "me", password: "p" }, ({ indexes }) => indexes[0]!.auth, {
    PROXPI_INDEX_URL: INDEX,
    PROXPI_INDEX_USERNAME: "me",
  }),
  EXTRA_INDEX_URLS: one("https://a.example/,https://b.example/", "https://c.example/", 3, ({ indexes }) => indexes.length),
  EXTRA_INDEX_TTLS: one("5", "6", 5_000, ({ indexes }) => indexes[1]!.ttlMs, { PROXPI_EXTRA_INDEX_URLS: "https://a.example/" }),
  EXTRA_INDEX_TTL: one("5", "6", 5_000, ({ indexes }) => indexes[1]!.ttlMs, { PROXPI_EXTRA_INDEX_URLS: "https://a.example/" }),
  NO_INDEX: one("true", "false", 0, ({ indexes }) => indexes.length, { PILOTLIGHT_PACKAGES: HERE }),
  PACKAGES: one(HERE, `${HERE}/..`, HERE, ({ packagesDir }) => packagesDir),
  CACHE_SIZE: one("1073741824", "5", 1024 ** 3, ({ cacheMaxBytes }) => cacheMaxBytes),
  CACHE_DIR: one("/a/b", "/c", "/a/b", ({ cacheDir }) => cacheDir),
  CONNECT_TIMEOUT: one("3.1", "9", 3_100, ({ upstream }) => upstream.connectTimeoutMs),
  READ_TIMEOUT: one("20", "9", 20_000, ({ upstream }) => upstream.readTimeoutMs),
  DISABLE_INDEX_SSL_VERIFICATION: one("1", "0", false, ({ upstream }) => upstream.verifyTls),
  BINARY_FILE_MIME_TYPE: one("yes", "off", true, ({ binaryFileMimeType }) => binaryFileMimeType),
  LOGGING_LEVEL: one("WARNING", "DEBUG", "warn", ({ log }) => log.level),
  LOG_LEVEL: one("40", "DEBUG", "error", ({ log }) => log.level),
  LOG_FORMAT: one("console", "json", "console", ({ log }) => log.format),
  LOG_COLOR: one("true", "false", true, ({ log }) => log.color),
  HOST: one("0.0.0.0", "::", "0.0.0.0", ({ host }) => host),
  PORT: one("6000", "6001", 6_000, ({ port }) => port),
  TLS_CERT: one(FILE, `${HERE}/parse.ts`, FILE, ({ tls }) => tls?.certFile, { PILOTLIGHT_TLS_KEY: FILE }),
  TLS_KEY: one(FILE, `${HERE}/parse.ts`, FILE, ({ tls }) => tls?.keyFile, { PILOTLIGHT_TLS_CERT: FILE }),
  RESPONSE_CACHE_TTL: one("300", "5", 300_000, ({ responseCacheTtlMs }) => responseCacheTtlMs),
  RESPONSE_CACHE_MEMORY: one("1m", "2m", 1024 ** 2, ({ responseCacheMaxBytes }) => responseCacheMaxBytes),
  MAX_CONCURRENT_DOWNLOADS: one("10", "11", 10, ({ upstream }) => upstream.downloadsMax),
  STORAGE_TYPE: one("S3", "local", "s3", ({ storage }) => storage.kind, without("PILOTLIGHT_STORAGE_TYPE")),
  S3_BUCKET: one("abc", "def", "abc", (config) => s3(config).bucket, without("PILOTLIGHT_S3_BUCKET")),
  S3_PREFIX: one("groxpi", "x", "groxpi", (config) => s3(config).prefix, BUCKET),
  S3_FORCE_PATH_STYLE: one("true", "false", true, (config) => s3(config).forcePathStyle, BUCKET),
  S3_USE_SSL: one("false", "true", "http://s3.example:9000", (config) => s3(config).endpoint, {
    ...BUCKET,
    AWS_ENDPOINT_URL: "s3.example:9000",
  }),
  S3_PART_SIZE: one("10485760", "5242880", 10 * 1024 ** 2, (config) => s3(config).partBytes, BUCKET),
  S3_MAX_CONNECTIONS: one("100", "5", 100, (config) => s3(config).connectionsMax, BUCKET),
  S3_ENDPOINT: one("https://a.example", "https://b.example", "https://a.example", (config) => s3(config).endpoint, BUCKET),
  AWS_ENDPOINT_URL: one("https://a.example", "https://b.example", "https://a.example", (config) => s3(config).endpoint, BUCKET),
  S3_REGION: one("eu-west-1", "x-1", "eu-west-1", (config) => s3(config).region, BUCKET),
  AWS_REGION: one("eu-west-1", "x-1", "eu-west-1", (config) => s3(config).region, BUCKET),
  S3_ACCESS_KEY_ID: one("AKIA", "X", "AKIA", (config) => s3(config).accessKeyId, BUCKET),
  AWS_ACCESS_KEY_ID: one("AKIA", "X", "AKIA", (config) => s3(config).accessKeyId, without("AWS_ACCESS_KEY_ID")),
  S3_SECRET_ACCESS_KEY: one("sec", "X", "sec", (config) => s3(config).secretAccessKey, BUCKET),
  AWS_SECRET_ACCESS_KEY: one("sec", "X", "sec", (config) => s3(config).secretAccessKey, without("AWS_SECRET_ACCESS_KEY")),
  S3_SESSION_TOKEN: one("tok", "X", "tok", (config) => s3(config).sessionToken, BUCKET),
  AWS_SESSION_TOKEN: one("tok", "X", "tok", (config) => s3(config).sessionToken, BUCKET),
  OFFLINE: one("on", "off", true, ({ upstream }) => upstream.offline),
  PREFETCH: one("3", "4", 3, ({ prefetchVersions }) => prefetchVersions),
  RETRIES: one("7", "8", 7, ({ upstream }) => upstream.retriesMax),
  RETRY_DELAY: one("2", "3", 2_000, ({ upstream }) => upstream.retryDelayMs),
  PARALLEL_RANGES: one("4", "5", 4, ({ upstream }) => upstream.parallelRanges),
  CA_FILE: one(FILE, `${HERE}/parse.ts`, FILE, ({ upstream }) => upstream.caFile),
  STALE_IF_ERROR: one("3600", "1", 3_600_000, ({ upstream }) => upstream.staleIfErrorMs),
  NEGATIVE_TTL: one("5", "1", 5_000, ({ upstream }) => upstream.negativeTtlMs),
  COOLDOWN: one("7d", "1d", 7 * 86_400_000, ({ policy }) => policy.cooldownMs),
  POLICY_MODE: one("shadow", "enforce", "shadow", ({ policy }) => policy.mode),
  CLIENT_TOKENS: one("0123456789abcdef", "fedcba9876543210", ["0123456789abcdef"], ({ clients }) => clients?.tokens),
  HTPASSWD: one(FILE, `${HERE}/parse.ts`, FILE, ({ clients }) => clients?.htpasswdFile),
};

async function found(env: Env): Promise<FoundMirrorConfig> {
  const discovered = { address: { url: INDEX, auth: null }, from: "test", caFile: null, notices: [] };
  const result = await mirrorConfigFromFlags(parseFlags(MIRROR_FLAGS, [], 0), {
    env: { HOME: HERE, ...env },
    cwd: HERE,
    seesColour: false,
    discover: async () => discovered,
    faultOfVersions: async () => null,
  });
  return result.ok ? result.value : assert.fail(`${JSON.stringify(env)}: ${JSON.stringify(result.failure)}`);
}

test("every variable that a setting has is tried here", () => {
  const named = Object.values(MIRROR_SETTINGS).flatMap((setting) => ("variables" in setting ? setting.variables : []));
  assert.deepEqual([...new Set(named)].sort(), Object.keys(CASES).sort());
});

test("every variable means what it says, under each of the prefixes", async () => {
  for (const [name, { value, seen, is, with: more = {} }] of Object.entries(CASES)) {
    for (const prefix of PREFIXES) {
      const { config, notices } = await found({ ...more, [prefix + name]: value });
      assert.deepEqual(seen(config), is, prefix + name);
      const about = notices.filter(({ message }) => message.includes(prefix + name));
      assert.deepEqual(about, [], prefix + name);
    }
  }
});

test("where prefixes differ, ours wins, then groxpi's, and a notice names what gives way", async () => {
  for (const [name, { value, other, seen, is, with: more = {} }] of Object.entries(CASES)) {
    for (const [winner, loser] of [
      ["PILOTLIGHT_", "GROXPI_"],
      ["PILOTLIGHT_", "PROXPI_"],
      ["GROXPI_", "PROXPI_"],
    ] as const) {
      if (Object.keys(more).some((key) => key.endsWith(`_${name}`))) continue;
      const { config, notices } = await found({ ...more, [loser + name]: other, [winner + name]: value });
      assert.deepEqual(seen(config), is, `${winner}${name}`);
      const messages = notices.map(({ message }) => message);
      assert.ok(
        messages.includes(`${loser}${name} gives way to ${winner}${name}, which says something else`),
        `${loser}${name}: ${messages}`,
      );
    }
    const { notices } = await found({ ...more, [`PILOTLIGHT_${name}`]: value, [`PROXPI_${name}`]: value });
    assert.deepEqual(
      notices.filter(({ code }) => code === "MIRROR_VARIABLE_GIVES_WAY"),
      [],
      `${name} twice the same`,
    );
  }
});

test("every variable that can't mean anything here is accepted with one notice that says why", async () => {
  assert.ok(Object.keys(WITHOUT_EFFECT).length >= 15);
  for (const [name, why] of Object.entries(WITHOUT_EFFECT)) {
    for (const prefix of PREFIXES) {
      const { notices } = await found({ [prefix + name]: "1" });
      assert.deepEqual(
        notices.map(({ message }) => message),
        [`${prefix}${name} has no effect: ${why}`],
      );
    }
  }
});

test("the variables of the reference are all known", async () => {
  const reference = `INDEX_URL INDEX_TTL EXTRA_INDEX_URLS EXTRA_INDEX_TTLS CACHE_SIZE CACHE_DIR DOWNLOAD_TIMEOUT CONNECT_TIMEOUT READ_TIMEOUT
    DISABLE_INDEX_SSL_VERIFICATION BINARY_FILE_MIME_TYPE LOGGING_LEVEL LOG_FORMAT LOG_COLOR PORT STORAGE_TYPE AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY AWS_REGION S3_BUCKET S3_PREFIX S3_FORCE_PATH_STYLE S3_USE_SSL S3_PART_SIZE S3_MAX_CONNECTIONS S3_READ_POOL_SIZE
    S3_WRITE_POOL_SIZE S3_META_POOL_SIZE S3_ENABLE_HTTP2 S3_TRANSFER_ACCEL S3_ASYNC_WRITES S3_ASYNC_WORKERS S3_ASYNC_QUEUE_SIZE LOCAL_CACHE_SIZE
    LOCAL_CACHE_DIR LOCAL_CACHE_TTL TIERED_SYNC_WORKERS TIERED_SYNC_QUEUE_SIZE HOST RESPONSE_CACHE_SIZE RESPONSE_CACHE_TTL MAX_CONCURRENT_DOWNLOADS`;
  const unknown = reference.split(/\s+/).filter((name) => !(name in CASES) && !(name in WITHOUT_EFFECT));
  assert.deepEqual(unknown, []);
});

test("what groxpi and the tools of S3 read without a prefix counts last", async () => {
  assert.equal((await found({ PORT: "6000" })).config.port, 6_000);
  assert.equal((await found({ PORT: "6000", PROXPI_PORT: "6001" })).config.port, 6_001);
  assert.equal((await found({ HOST: "0.0.0.0" })).config.host, "0.0.0.0");
  const env = {
    ...BUCKET,
    AWS_DEFAULT_REGION: "b",
    AWS_REGION: "a",
    AWS_ENDPOINT_URL: "https://b.example",
    AWS_ENDPOINT_URL_S3: "https://a.example",
  };
  const { region, endpoint } = s3((await found(env)).config);
  assert.deepEqual([region, endpoint], ["a", "https://a.example"]);
});

test("the machine's name, which some shells keep in HOST, is not listened on", async () => {
  assert.equal((await found({ HOST: "build-box.example" })).config.host, "127.0.0.1");
});

test("a variable that is set but empty counts as absent", async () => {
  const { config, notices } = await found({ PILOTLIGHT_PORT: "", GROXPI_DOWNLOAD_TIMEOUT: "", GROXPI_NONSENSE: "", PROXPI_PORT: "6001" });
  assert.deepEqual([config.port, notices], [6_001, []]);
});

test("theirs that nobody knows get a notice; ours may be somebody's own, or the function server's", async () => {
  const { notices } = await found({
    GROXPI_TEST_SERVER: "1",
    PROXPI_URL: "x",
    PILOTLIGHT_OWN_THING: "1",
    PILOTLIGHT_WORKERS: "2",
    PILOTLIGHT_QUIET: "1",
  });
  assert.deepEqual(
    notices.map(({ message }) => message),
    ["GROXPI_TEST_SERVER has no effect: nothing here is called so", "PROXPI_URL has no effect: nothing here is called so"],
  );
});

test("the function server takes none of the mirror's variables for a misspelt one of its own", async () => {
  const names = [...Object.keys(CASES), ...Object.keys(WITHOUT_EFFECT)].map((name) => `PILOTLIGHT_${name}`);
  for (const name of names) {
    // What both read is wrong for both when it is.
    const result = await parseConfig({ mode: "serve", args: ["-e", ""], env: { [name]: CASES[name.slice(11)]?.value ?? "1" }, cwd: HERE });
    const misspelt = result.ok ? [] : result.failure.filter(({ code }) => code === "CONFIG_UNKNOWN_VARIABLE");
    assert.deepEqual(misspelt, [], name);
  }
});
