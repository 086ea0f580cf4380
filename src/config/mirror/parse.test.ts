import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { faultOfVersions, INDEX, mirrorFolder, neverAsked, ONE, told } from "../../../test/support/mirror-config.ts";
import { parseFlags } from "../flags.ts";
import { parseConfig } from "../parse.ts";
import { settingHelp } from "../setting.ts";
import { MIRROR_FLAGS, mirrorConfigFromFlags } from "./parse.ts";
import { MIRROR_SETTINGS } from "./settings.ts";

const { accepted, cwd, found, refused } = mirrorFolder();

test("with an index alone, the defaults hold", async () => {
  const { config, indexFrom, notices } = await found(ONE);
  assert.deepEqual([config.host, config.port, config.cacheDir], ["127.0.0.1", 5005, join(cwd, ".pilotlight/mirror")]);
  assert.deepEqual(config.indexes, [{ name: "index-1", url: INDEX, ttlMs: 1_800_000, auth: null }]);
  assert.deepEqual([config.storage, config.cacheMaxBytes, config.clients], [{ kind: "local" }, 5 * 1024 ** 3, null]);
  assert.deepEqual(config.log, { level: "info", format: "json", color: false });
  assert.deepEqual([indexFrom, notices], ["--index-url", []]);
});

test("the defaults that the documentation shows are the defaults", async () => {
  const asYaml = (keys: readonly string[]): string => {
    const shown = (key: string): string => settingHelp(MIRROR_SETTINGS, key).shown!;
    const groups = Map.groupBy(keys, (key) => (key.includes(".") ? key.split(".")[0]! : ""));
    const lines = (group: string, members: readonly string[]) =>
      members.map((key) => `${group === "" ? "  " : "    "}${key.split(".").at(-1)}: ${shown(key)}`);
    return [
      "mirror:",
      ...[...groups].flatMap(([group, keys]) => [...(group === "" ? [] : [`  ${group}:`]), ...lines(group, keys)]),
      "",
    ].join("\n");
  };
  const isValue = (text: string | undefined): boolean => text !== undefined && /^[\w.]+$/.test(text);
  const keys = Object.keys(MIRROR_SETTINGS).filter((key) => isValue(settingHelp(MIRROR_SETTINGS, key).shown));
  assert.ok(keys.length > 25, keys.join(" "));
  assert.deepEqual(await accepted(ONE, { yaml: asYaml(keys) }), await accepted(ONE));
  const storage = keys.filter((key) => key.startsWith("storage.") && key !== "storage.type");
  const bucket = { PILOTLIGHT_STORAGE_TYPE: "s3", PILOTLIGHT_S3_BUCKET: "wheels", AWS_ACCESS_KEY_ID: "k", AWS_SECRET_ACCESS_KEY: "s" };
  assert.deepEqual(await accepted(ONE, { env: bucket, yaml: asYaml(storage) }), await accepted(ONE, { env: bucket }));
});

test("a file as the documentation has it becomes a configuration", async () => {
  const yaml = `
port: 8080
workers: 2
data_dir: state
functions: { hello: { timeout: 1s } }
mirror:
  port: 5006
  indexes:
    - name: company
      url: https://packages.example/simple
      ttl: 5m
      token_env: COMPANY_TOKEN
    - url: https://ci@other.example/simple/
    - ${INDEX}
  packages: ./wheels
  pins:
    Acme_*: company
    left.pad: index-3
  policy:
    mode: shadow
    cooldown: 7d
    cooldown_exempt: [acme-*]
    deny: worse-*
    rules:
      - deny: [evil-*, left-pad]
        reason: see the wiki
      - deny: requests
        versions: "<2.31"
      - allow: "*"
  cache: { dir: kept, size: 50g }
  clients: { tokens_env: [CI_TOKEN], htpasswd: users }
  log: { format: console, level: warning, color: true }
  tls: { cert: cert.pem, key: key.pem }
  http: { body_max: 1m }
`;
  const config = await accepted([], { yaml, env: { COMPANY_TOKEN: "company-token-1234", CI_TOKEN: "a-token-of-length" } });
  assert.deepEqual(config.indexes, [
    { name: "company", url: "https://packages.example/simple/", ttlMs: 300_000, auth: { kind: "bearer", token: "company-token-1234" } },
    { name: "index-2", url: "https://other.example/simple/", ttlMs: 180_000, auth: { kind: "basic", username: "ci", password: "" } },
    { name: "index-3", url: INDEX, ttlMs: 180_000, auth: null },
  ]);
  assert.deepEqual(config.pins, [
    { pattern: "acme-*", index: "company" },
    { pattern: "left-pad", index: "index-3" },
  ]);
  assert.deepEqual(config.policy, {
    mode: "shadow",
    cooldownMs: 7 * 86_400_000,
    cooldownExempt: ["acme-*"],
    rules: [
      { action: "deny", names: ["worse-*"], versions: "", reason: null },
      { action: "deny", names: ["evil-*", "left-pad"], versions: "", reason: "see the wiki" },
      { action: "deny", names: ["requests"], versions: "<2.31", reason: null },
      { action: "allow", names: ["*"], versions: "", reason: null },
    ],
  });
  assert.deepEqual(
    [config.port, config.cacheDir, config.cacheMaxBytes, config.packagesDir],
    [5006, join(cwd, "kept"), 50 * 1024 ** 3, join(cwd, "wheels")],
  );
  assert.deepEqual(config.clients, { tokens: ["a-token-of-length"], htpasswdFile: join(cwd, "users") });
  assert.deepEqual(config.log, { level: "warn", format: "console", color: true });
  assert.deepEqual([config.tls?.certFile, config.http.bodyMaxBytes], [join(cwd, "cert.pem"), 1024 ** 2]);
});

test("the data folder of the server's part is the mirror's, too, and flags and variables stand above it", async () => {
  const yaml = "data_dir: state\nmirror: {}\n";
  assert.equal((await accepted(ONE, { yaml })).cacheDir, join(cwd, "state/mirror"));
  assert.equal((await accepted(ONE, { yaml, env: { PILOTLIGHT_DATA_DIR: "else" } })).cacheDir, join(cwd, "else/mirror"));
  assert.equal((await accepted([...ONE, "--data-dir", "/flag"], { yaml, env: { PILOTLIGHT_DATA_DIR: "else" } })).cacheDir, "/flag/mirror");
});

test("the server passes over the mirror's part of a file, and its variables", async () => {
  writeFileSync(join(cwd, "both.yaml"), "port: 8088\nmirror:\n  anything: [goes, here]\n");
  const result = await parseConfig({ mode: "serve", args: ["--config", "both.yaml"], env: {}, cwd });
  assert.equal(result.ok && result.value.port, 8088, JSON.stringify(result));
});

test("the file of the working folder is read unasked, the one that a variable names before it", async () => {
  const folder = mkdtempSync(join(cwd, "own-"));
  const line = (env: Record<string, string>) => ({
    env: { HOME: cwd, ...env },
    cwd: folder,
    seesColour: false,
    discover: neverAsked,
    faultOfVersions,
  });
  writeFileSync(join(folder, "pilotlight.yaml"), `mirror: { index_url: "${INDEX}", port: 6001 }\n`);
  writeFileSync(join(folder, "other.yaml"), `mirror: { index_url: "${INDEX}", port: 6002 }\n`);
  const portOf = async (env: Record<string, string>) => {
    const result = await mirrorConfigFromFlags(parseFlags(MIRROR_FLAGS, [], 0), line(env));
    return result.ok && result.value.config.port;
  };
  assert.deepEqual([await portOf({}), await portOf({ PILOTLIGHT_CONFIG: "other.yaml" })], [6001, 6002]);
});

test("flags win over variables, those over the file", async () => {
  const yaml = "mirror: { port: 1000, host: 10.0.0.1, prefetch: 3 }\n";
  const config = await accepted([...ONE, "-p", "3000"], { yaml, env: { PILOTLIGHT_PORT: "2000", GROXPI_HOST: "10.0.0.2" } });
  assert.deepEqual([config.port, config.host, config.prefetchVersions], [3000, "10.0.0.2", 3]);
});

test("all problems are told together, with places and what was meant", async () => {
  const yaml = `
workrs: 2
index_url: ${INDEX}
mirror:
  prot: 1
  port: 99999
  indexes:
    - url: ${INDEX}
      tll: 5m
    - name: lonely
    - url: ftp://index.example/
      token_env: 5
  pins: { acme-*: compny }
  policy:
    cooldwn: 7d
    rules:
      - deny: x
        allow: y
      - deny: "sp/ace"
      - deny: y
        versions: newest
      - evil
  storage: { type: hybrid, secret_access_key: x }
`;
  const env = { PILOTLIGHT_INDX_TTL: "1", GROXPI_CACHE_SIZ: "1", PROXPI_CACHE_SIZE: "lots", PILOTLIGHT_CONNECT_TIMEOUT: "0" };
  const lines = told(await refused(["--htpasswd", "nowhere"], { yaml, env })).join("\n");
  for (const part of [
    /Unknown environment variable PILOTLIGHT_INDX_TTL\. Did you mean PILOTLIGHT_INDEX_TTL\?/,
    /Unknown environment variable GROXPI_CACHE_SIZ\. Did you mean GROXPI_CACHE_SIZE\?/,
    /PROXPI_CACHE_SIZE "lots" is not a size/,
    /PILOTLIGHT_CONNECT_TIMEOUT "0" is nothing/,
    /^2: Unknown key "workrs"\. Did you mean workers\?$/m,
    /^3: Unknown key "index_url" at the top\. It is said of the mirror: write it under mirror$/m,
    /^5: Unknown key "mirror\.prot"\. Did you mean port\?$/m,
    /^6: mirror\.port 99999 is not a port/m,
    /^9: Unknown key "mirror\.indexes\[0\]\.tll"\. Did you mean ttl\?$/m,
    /^10: mirror\.indexes\[1\] has no url/m,
    /^11: mirror\.indexes\[2\]\.url "ftp:\/\/index\.example\/" is no web address/m,
    /^12: mirror\.indexes\[2\]\.token_env 5 is no name of a variable/m,
    /^15: Unknown key "mirror\.policy\.cooldwn"\. Did you mean cooldown\?$/m,
    /^17: mirror\.policy\.rules\[0\] is no rule/m,
    /^19: mirror\.policy\.rules\[1\]\.deny "sp\/ace" is no name of a project/m,
    /^20: mirror\.policy\.rules\[2\] has versions: "newest" is no version specifier/m,
    /^22: mirror\.policy\.rules\[3\] is no rule/m,
    /^23: mirror\.storage\.type "hybrid" is not offered: use "local", or "s3"/m,
    /^23: Unknown key "mirror\.storage\.secret_access_key"\. It is a secret, and no file should hold it: set PILOTLIGHT_S3_SECRET_ACCESS_KEY$/m,
    /--htpasswd .*nowhere: no such file/,
  ]) {
    assert.match(lines, part);
  }
});

test("a bucket needs its name and keys, and an endpoint its scheme", async () => {
  const env = { GROXPI_STORAGE_TYPE: "s3" };
  assert.deepEqual(
    (await refused(ONE, { env })).map(({ message }) => message),
    ["Storage in S3 needs S3_BUCKET", "Storage in S3 needs AWS_ACCESS_KEY_ID", "Storage in S3 needs AWS_SECRET_ACCESS_KEY"],
  );
  const full = {
    ...env,
    GROXPI_S3_BUCKET: "wheels",
    GROXPI_S3_PREFIX: "/a/b/",
    GROXPI_S3_USE_SSL: "false",
    AWS_ENDPOINT_URL: "127.0.0.1:9000",
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "se/cr+et",
    AWS_SESSION_TOKEN: "session",
    AWS_REGION: "eu-west-1",
    GROXPI_S3_PART_SIZE: "8388608",
    GROXPI_S3_MAX_CONNECTIONS: "7",
  };
  assert.deepEqual((await accepted(ONE, { env: full })).storage, {
    kind: "s3",
    endpoint: "http://127.0.0.1:9000",
    region: "eu-west-1",
    bucket: "wheels",
    prefix: "a/b",
    accessKeyId: "key",
    secretAccessKey: "se/cr+et",
    sessionToken: "session",
    forcePathStyle: true,
    partBytes: 8 * 1024 ** 2,
    connectionsMax: 7,
  });
  const conflicting = await found(ONE, { env: { ...full, AWS_ENDPOINT_URL: "https://s3.example", GROXPI_S3_FORCE_PATH_STYLE: "0" } });
  assert.ok(conflicting.config.storage.kind === "s3");
  assert.deepEqual([conflicting.config.storage.endpoint, conflicting.config.storage.forcePathStyle], ["https://s3.example", false]);
  assert.match(conflicting.notices[0]!.message, /GROXPI_S3_USE_SSL gives way to the scheme in AWS_ENDPOINT_URL/);
});

test("a bucket's settings that no address can be made of are refused, each by the variable that holds it", async () => {
  const env = { PILOTLIGHT_STORAGE_TYPE: "s3", PILOTLIGHT_S3_BUCKET: "wheels", AWS_ACCESS_KEY_ID: "k", AWS_SECRET_ACCESS_KEY: "s" };
  const refusal = async (more: Record<string, string>): Promise<string> => told(await refused(ONE, { env: { ...env, ...more } })).join();
  for (const prefix of ["..", "a/../b", "a//b", ".", "a b"]) {
    assert.match(await refusal({ PILOTLIGHT_S3_PREFIX: prefix }), /PILOTLIGHT_S3_PREFIX .* is no prefix of keys/, prefix);
  }
  for (const bucket of ["..", "a/b", "a b", "A"]) {
    assert.match(await refusal({ PILOTLIGHT_S3_BUCKET: bucket }), /PILOTLIGHT_S3_BUCKET .* is no name of a bucket/, bucket);
  }
  for (const endpoint of [
    "ftp://s3.example",
    "https://s3.example/path",
    "https://s3.example?x",
    "http://a b",
    "https://me:secret@s3.example",
  ]) {
    assert.match(await refusal({ PILOTLIGHT_S3_ENDPOINT: endpoint }), /is no address of a service/, endpoint);
  }
  for (const endpoint of ["http://127.0.0.1:7070", "http://[::1]", "10.0.0.1"]) {
    const address = { PILOTLIGHT_S3_ENDPOINT: endpoint };
    assert.match(
      await refusal({ ...address, PILOTLIGHT_S3_FORCE_PATH_STYLE: "no" }),
      /PILOTLIGHT_S3_ENDPOINT has no name that a bucket could stand before/,
      endpoint,
    );
    assert.equal((await accepted(ONE, { env: { ...env, ...address } })).storage.kind, "s3");
  }
  for (const size of ["4m", "6g", "5242879"]) {
    assert.match(await refusal({ PILOTLIGHT_S3_PART_SIZE: size }), /S3 takes 5m to 5g/, size);
  }
});

test("settings of a bucket that isn't used are noticed, an account's own variables are not", async () => {
  const { notices } = await found(ONE, { env: { GROXPI_S3_BUCKET: "wheels", AWS_REGION: "!", AWS_ENDPOINT_URL: "nonsense//" } });
  assert.deepEqual(
    notices.map(({ message }) => message),
    ["GROXPI_S3_BUCKET has no effect: files are kept in a folder, not in S3"],
  );
});

test("client tokens come from variables, short ones with a notice", async () => {
  const { config, notices } = await found(ONE, { env: { PILOTLIGHT_CLIENT_TOKENS: "0123456789abcdef,short" } });
  assert.deepEqual(config.clients, { tokens: ["0123456789abcdef", "short"], htpasswdFile: null });
  assert.equal(notices[0]!.code, "MIRROR_TOKEN_SHORT");
});

test("an env file fills what the environment lacks", async () => {
  writeFileSync(join(cwd, "mirror.env"), "GROXPI_INDEX_TTL=60\nGROXPI_CACHE_SIZE=1073741824\nPILOTLIGHT_PORT=7000\n");
  const config = await accepted([...ONE, "--env-file", "mirror.env"], { env: { PILOTLIGHT_PORT: "7001" } });
  assert.deepEqual([config.indexes[0]!.ttlMs, config.cacheMaxBytes, config.port], [60_000, 1024 ** 3, 7001]);
  assert.match(told(await refused([...ONE, "--env-file", "nowhere.env"]))[0]!, /nowhere\.env: no such file/);
});

test("numbers without a unit are seconds in variables and milliseconds in flags", async () => {
  assert.equal((await accepted([...ONE, "--read-timeout", "1500"])).upstream.readTimeoutMs, 1500);
  assert.equal((await accepted(ONE, { env: { PROXPI_READ_TIMEOUT: "1.5" } })).upstream.readTimeoutMs, 1500);
  assert.equal((await accepted(ONE, { env: { PROXPI_READ_TIMEOUT: ".5" } })).upstream.readTimeoutMs, 500);
  assert.equal((await accepted(ONE, { env: { PILOTLIGHT_READ_TIMEOUT: "250ms" } })).upstream.readTimeoutMs, 250);
  for (const text of ["-1", "1e3", "soon", "NaN"]) {
    assert.match(
      told(await refused(ONE, { env: { PROXPI_INDEX_TTL: text } }))[0]!,
      /is not a duration: use seconds or a number with/,
      text,
    );
  }
  assert.match(told(await refused([...ONE, "--connect-timeout", "2d"]))[0]!, /is more than 24 hours/);
});

test("a MirrorConfig is frozen all the way down", async () => {
  const config = await accepted(ONE);
  assert.throws(() => Object.assign(config.indexes[0]!, { url: "x" }), TypeError);
  assert.throws(() => Object.assign(config.upstream, { offline: true }), TypeError);
});

test("no two flags of the mirror share a name or a letter, and none is that of help", () => {
  const names = MIRROR_FLAGS.flatMap((flag) => [flag.name, flag.short ?? []].flat());
  assert.equal(new Set([...names, "help", "json"]).size, names.length + 2);
});

test("a cool-down of less than a minute is a unit forgotten", async () => {
  const fault = (shown: string) => new RegExp(`${shown}, which holds nothing back: did you mean 7d\\? 0 is off`);
  assert.match(told(await refused([...ONE, "--cooldown", "7"])).join(), fault('--cooldown "7" is 7ms'));
  assert.match(
    told(await refused(ONE, { yaml: "mirror: { policy: { cooldown: 7 } }\n" })).join(),
    fault("mirror.policy.cooldown 7 is 7ms"),
  );
  assert.match(told(await refused(ONE, { env: { PILOTLIGHT_COOLDOWN: "7" } })).join(), fault('PILOTLIGHT_COOLDOWN "7" is 7s'));
  assert.equal((await accepted([...ONE, "--cooldown", "0"])).policy.cooldownMs, 0);
  assert.equal((await accepted([...ONE, "--cooldown", "1m"])).policy.cooldownMs, 60_000);
  assert.equal((await accepted(ONE, { env: { PILOTLIGHT_COOLDOWN: "86400" } })).policy.cooldownMs, 86_400_000);
});

test("what is open to others is noticed", async () => {
  const codesOf = async (args: readonly string[], env: Record<string, string> = {}) =>
    (await found([...ONE, ...args], { env })).notices.map(({ code }) => code);
  assert.deepEqual(await codesOf(["-h", "0.0.0.0"]), ["MIRROR_OPEN"]);
  assert.deepEqual(await codesOf(["-h", "0.0.0.0"], { PILOTLIGHT_CLIENT_TOKENS: "0123456789abcdef" }), []);
  assert.deepEqual(await codesOf(["-h", "127.0.0.2"]), []);
  assert.deepEqual(await codesOf(["--insecure"]), ["MIRROR_INSECURE"]);
});

test("a map that is written as a value is shown as a map", async () => {
  const hintsOf = async (yaml: string) => told(await refused(ONE, { yaml }));
  assert.deepEqual(await hintsOf("mirror:\n  cache: 5g\n"), ["2: mirror.cache is a map. Write cache: { size: 5g }"]);
  assert.deepEqual(await hintsOf("mirror:\n  log: debug\n"), ["2: mirror.log is a map. Write log: { level: debug }"]);
  assert.deepEqual(await hintsOf("mirror:\n  tls: [1, 2]\n"), ["2: mirror.tls is a map. Write tls: { cert: … }"]);
});

test("problems of a file are told in the order of its lines", async () => {
  const yaml = "mirror:\n  port: 99999\n  prot: 1\n  indexes:\n    - name: lonely\n  host: 5\nnonsense: 1\n";
  assert.deepEqual(
    (await refused(["--htpasswd", "nowhere"], { yaml })).map(({ at }) => at?.line),
    [undefined, 2, 3, 5, 6, 7],
  );
});
