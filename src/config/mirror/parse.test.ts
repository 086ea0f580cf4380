import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Failure } from "../../base/result.ts";
import { parseFlags } from "../flags.ts";
import type { MirrorConfig } from "../mirror-config.ts";
import { parseConfig } from "../parse.ts";
import { settingHelp } from "../setting.ts";
import type { DiscoverIndex } from "./discovered.ts";
import { type FoundMirrorConfig, MIRROR_FLAGS, mirrorConfigFromFlags } from "./parse.ts";
import { MIRROR_SETTINGS } from "./settings.ts";

const cwd = mkdtempSync(join(tmpdir(), "pilotlight-mirror-config-"));
after(() => rmSync(cwd, { recursive: true, force: true }));
mkdirSync(join(cwd, "wheels"));
for (const file of ["cert.pem", "key.pem", "ca.pem", "other-ca.pem", "users"]) writeFileSync(join(cwd, file), "");

const INDEX = "https://index.example/simple/";
const ONE = ["--index-url", INDEX];
const nobodyKnows: DiscoverIndex = async () => null;
const faultOfVersions = async (versions: string) => (/^[<>=~!]/.test(versions) ? null : "is no version specifier");
const neverAsked: DiscoverIndex = () => assert.fail("nothing was to be looked for");

interface Setting {
  readonly env?: Record<string, string>;
  readonly yaml?: string;
  readonly discover?: DiscoverIndex;
}

async function read(args: readonly string[], { env = {}, yaml, discover = neverAsked }: Setting = {}) {
  if (yaml !== undefined) writeFileSync(join(cwd, "mirror.yaml"), yaml);
  const all = yaml === undefined ? args : [...args, "--config", "mirror.yaml"];
  return mirrorConfigFromFlags(parseFlags(MIRROR_FLAGS, all, 0), {
    env: { HOME: cwd, ...env },
    cwd,
    seesColour: false,
    discover,
    faultOfVersions,
  });
}

async function found(args: readonly string[], setting: Setting = {}): Promise<FoundMirrorConfig> {
  const result = await read(args, setting);
  return result.ok ? result.value : assert.fail(JSON.stringify(result.failure));
}

async function accepted(args: readonly string[], setting: Setting = {}): Promise<MirrorConfig> {
  return (await found(args, setting)).config;
}

async function refused(args: readonly string[], setting: Setting = {}): Promise<readonly Failure[]> {
  const result = await read(args, setting);
  return result.ok ? assert.fail("should have been refused") : result.failure;
}

function told(failures: readonly Failure[]): string[] {
  return failures.map(({ message, hint = "", at }) => `${at?.line === undefined ? "" : `${at.line}: `}${message}. ${hint}`);
}

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

test("a flag or a variable stands in place of the file's whole list of indexes, extra ones follow it", async () => {
  const yaml = "mirror: { indexes: [https://a.example/simple/, https://b.example/simple/] }\n";
  const urls = async (args: string[], env: Record<string, string> = {}) =>
    (await accepted(args, { yaml, env })).indexes.map(({ url }) => new URL(url).host);
  assert.deepEqual(await urls([]), ["a.example", "b.example"]);
  assert.deepEqual(await urls(ONE), ["index.example"]);
  assert.deepEqual(await urls([], { PROXPI_INDEX_URL: INDEX }), ["index.example"]);
  assert.deepEqual(await urls(["--extra-index-url", "https://c.example/", "--extra-index-url", "https://d.example/"]), [
    "a.example",
    "b.example",
    "c.example",
    "d.example",
  ]);
  const both = await refused([], { yaml: `mirror: { index_url: "${INDEX}", indexes: ["${INDEX}"] }` });
  assert.match(told(both)[0]!, /^1: mirror\.index_url and mirror\.indexes are both given\. Keep one/);
});

test("extra indexes have freshness of their own, one each or none", async () => {
  const env = { PROXPI_EXTRA_INDEX_URLS: "https://a.example/,https://b.example/" };
  const ttls = async (more: Record<string, string>) =>
    (await accepted(ONE, { env: { ...env, ...more } })).indexes.map(({ ttlMs }) => ttlMs);
  assert.deepEqual(await ttls({}), [1_800_000, 180_000, 180_000]);
  assert.deepEqual(await ttls({ PROXPI_EXTRA_INDEX_TTLS: "60,0" }), [1_800_000, 60_000, 0]);
  assert.deepEqual(await ttls({ PROXPI_EXTRA_INDEX_TTL: "60, 5m", PROXPI_INDEX_TTL: "0.5" }), [500, 60_000, 300_000]);
  const [failure] = told(await refused(ONE, { env: { ...env, GROXPI_EXTRA_INDEX_TTLS: "60" } }));
  assert.equal(failure, "GROXPI_EXTRA_INDEX_TTLS has 1 entry, but there are 2 extra indexes. Give one for each, in the same order");
});

test("credentials leave the address, and come in one way alone", async () => {
  const [basic] = (await accepted(["-i", "https://us%40er:p%3Ass@index.example/simple"])).indexes;
  assert.deepEqual(basic, { name: "index-1", url: INDEX, ttlMs: 1_800_000, auth: { kind: "basic", username: "us@er", password: "p:ss" } });
  const auth = async (env: Record<string, string>, args = ONE) => (await accepted(args, { env })).indexes[0]!.auth;
  assert.deepEqual(await auth({ PILOTLIGHT_INDEX_TOKEN: "abc" }), { kind: "bearer", token: "abc" });
  assert.deepEqual(await auth({ PILOTLIGHT_INDEX_USERNAME: "u", PILOTLIGHT_INDEX_PASSWORD: "p w" }), {
    kind: "basic",
    username: "u",
    password: "p w",
  });
  const twice = await refused(["-i", "https://u:secret@index.example/"], { env: { PILOTLIGHT_INDEX_TOKEN: "hidden-token" } });
  assert.match(told(twice)[0]!, /--index-url has credentials of more than one kind/);
  const alone = await refused(ONE, { env: { PILOTLIGHT_INDEX_PASSWORD: "hidden" } });
  assert.match(told(alone)[0]!, /PILOTLIGHT_INDEX_PASSWORD is alone: it needs a user name/);
});

test("a variable that the file names for a secret must be set", async () => {
  const entry = (rest: string) => `mirror:\n  indexes:\n    - { url: "${INDEX}", ${rest} }\n`;
  const missing = await refused([], { yaml: entry("token_env: NOT_SET") });
  assert.match(told(missing)[0]!, /^3: mirror\.indexes\[0\] needs the variable NOT_SET, which is not set/);
  const nameless = await refused([], { yaml: entry("password_env: PW"), env: { PW: "x" } });
  assert.match(told(nameless)[0]!, /has a password_env, but no username/);
  const both = await refused([], { yaml: entry("token_env: PW, username: me"), env: { PW: "x" } });
  assert.match(told(both)[0]!, /credentials of more than one kind/);
  const clients = await refused(ONE, { yaml: "mirror: { clients: { tokens_env: NOT_SET } }" });
  assert.match(told(clients)[0]!, /^1: mirror\.clients\.tokens_env needs the variable NOT_SET/);
});

test("no message shows a password, a token or a key, not even of what is refused", async () => {
  const secrets = {
    PILOTLIGHT_INDEX_URL: "https://user:hunter2@in dex.example/",
    PROXPI_EXTRA_INDEX_URLS: "htps://user:hunter2@index.example/",
    PILOTLIGHT_INDEX_TOKEN: "hunter2 with blanks",
    PILOTLIGHT_CLIENT_TOKENS: "hunter2\u0001",
    PILOTLIGHT_STORAGE_TYPE: "s3",
    AWS_SECRET_ACCESS_KEY: "hunter2 \n",
    HUNTED: "hunter2\u0007",
    GROXPI_S3_BUCKET: "b",
  };
  const yaml = `mirror:\n  indexes:\n    - { url: "user:hunter2@index.example" }\n    - { url: "${INDEX}", token_env: HUNTED }\n`;
  const failures = await refused([], { env: secrets, yaml });
  assert.ok(failures.length >= 6, JSON.stringify(failures));
  assert.doesNotMatch(JSON.stringify(failures), /hunter2/);
  assert.match(told(failures).join("\n"), /PILOTLIGHT_INDEX_URL "https:\/\/\*\*\*@in dex\.example\/" is no web address/);
});

test("an address that is none of an index is refused with what one looks like", async () => {
  for (const url of [
    "index.example",
    "ftp://index.example/",
    "https://",
    "",
    "https://index.example/simple/?token=1",
    "https://index.example/#x",
  ]) {
    const [failure] = await refused([`--index-url=${url}`]);
    assert.match(failure!.message, /https:\/\/index\.example\/simple\//, url);
  }
  assert.match((await refused(["-i", "file:///wheels"]))[0]!.message, /is a folder: give it to --packages/);
});

test("pins name indexes that are there", async () => {
  const yaml = `mirror:\n  indexes:\n    - { name: company, url: "${INDEX}" }\n  pins:\n    acme-*: compny\n    "?": company\n`;
  assert.deepEqual(told(await refused(["--pin", "x=nope"], { yaml })), [
    '6: mirror.pins.? is no name of a project: use letters, digits, dots and dashes, with "*" for any. ',
    '5: mirror.pins.acme-* names no index: "compny". Did you mean company?',
    '--pin names no index: "nope". The indexes are company',
  ]);
  assert.deepEqual((await accepted([...ONE, "--pin", "A.b=index-1", "--pin", "c*=index-1"])).pins, [
    { pattern: "a-b", index: "index-1" },
    { pattern: "c*", index: "index-1" },
  ]);
  assert.match(told(await refused([...ONE, "--pin", "abc"]))[0]!, /--pin \["abc"\] is no pin: use PATTERN=INDEX/);
});

test("two indexes of one name, and the name of the folder of packages, are refused", async () => {
  const list = (name: string) => `mirror: { indexes: [{ name: ${name}, url: "${INDEX}" }, { name: b, url: "${INDEX}" }] }`;
  assert.match(told(await refused([], { yaml: list("b") }))[0]!, /2 indexes are called "b"/);
  assert.match(told(await refused([], { yaml: list("packages") }))[0]!, /means the folder of packages/);
});

test("without an index, this machine's is asked for, and told where it was found", async () => {
  const discover: DiscoverIndex = async (env) => ({
    address: { url: "https://found.example/simple/", auth: { kind: "basic", username: "u", password: "p" } },
    from: `pip's settings of ${env["HOME"] === cwd}`,
    caFile: "/found-ca.pem",
    notices: [{ code: "N", message: "further ones were left" }],
  });
  const { config, indexFrom, notices } = await found(["--index-ttl", "1m"], { discover });
  assert.deepEqual(config.indexes, [
    { name: "index-1", url: "https://found.example/simple/", ttlMs: 60_000, auth: { kind: "basic", username: "u", password: "p" } },
  ]);
  assert.deepEqual([indexFrom, config.upstream.caFile, notices.length], ["pip's settings of true", "/found-ca.pem", 1]);
  const lone = await found([], { discover, env: { PILOTLIGHT_INDEX_TOKEN: "secret" } });
  assert.equal(lone.config.indexes[0]!.auth?.kind, "basic");
  assert.match(lone.notices.map(({ message }) => message).join(), /PILOTLIGHT_INDEX_TOKEN has no effect/);
});

test("nothing is looked for while something is wrong", async () => {
  assert.equal((await refused(["-p", "70000"], { discover: neverAsked })).length, 1);
});

test("a machine that knows no index gets one line that says what to give", async () => {
  const failures = await refused([], { discover: nobodyKnows });
  assert.deepEqual(told(failures), [
    "No index to mirror is named, and neither pip nor uv on this machine knows one. Give --index-url the address of one",
  ]);
  const unusable = await refused([], { discover: async () => ({ unusable: "PIP_INDEX_URL is broken" }) });
  assert.deepEqual(told(unusable), ["PIP_INDEX_URL is broken. Give --index-url the address of one"]);
});

test("a folder of packages, or being offline, is enough without an index", async () => {
  assert.deepEqual((await accepted(["--packages", "wheels"], { discover: nobodyKnows })).indexes, []);
  assert.deepEqual((await accepted(["--offline"], { discover: nobodyKnows })).indexes, []);
  assert.deepEqual((await accepted(["--packages", "wheels", "--no-index"], { env: { PROXPI_INDEX_URL: INDEX } })).indexes, []);
  assert.match(told(await refused(["--no-index"]))[0]!, /With --no-index there is nothing to mirror\. Give --packages a folder/);
  assert.match(told(await refused(["--packages", "missing", ...ONE]))[0]!, /--packages .*missing: no such file or directory/);
  assert.match(
    told(await refused(["--packages", "wheels", "--cache-dir", ".", ...ONE]))[0]!,
    /The folder of packages .*wheels lies in the cache/,
  );
});

test("a mirror of itself is refused, wherever its address comes from", async () => {
  for (const url of ["http://127.0.0.1:5005/simple/", "http://localhost:5005/", "http://[::1]:5005/index/"]) {
    assert.equal((await refused(["-i", url]))[0]!.code, "MIRROR_OF_ITSELF", url);
    assert.equal((await refused(["-i", url, "-h", "0.0.0.0"]))[0]!.code, "MIRROR_OF_ITSELF", url);
  }
  const discover: DiscoverIndex = async () => ({
    address: { url: "http://127.0.0.1:5005/simple/", auth: null },
    from: "PIP_INDEX_URL",
    caFile: null,
    notices: [],
  });
  const [line] = told(await refused([], { discover }));
  assert.match(
    line!,
    /^The index to mirror, http:\/\/127\.0\.0\.1:5005\/simple\/ \(from PIP_INDEX_URL\), is this mirror itself\. Give --index-url/,
  );
  assert.equal((await accepted(["-p", "5006"], { discover })).port, 5006);
  assert.equal((await accepted(["-i", "http://10.0.0.1:5005/", "-h", "10.0.0.2"])).host, "10.0.0.2");
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

test("settings of a bucket that isn't used are noticed, an account's own variables are not", async () => {
  const { notices } = await found(ONE, { env: { GROXPI_S3_BUCKET: "wheels", AWS_REGION: "!", AWS_ENDPOINT_URL: "nonsense//" } });
  assert.deepEqual(
    notices.map(({ message }) => message),
    ["GROXPI_S3_BUCKET has no effect: files are kept in a folder, not in S3"],
  );
});

test("certificates come from the flag, else from the variables that pip and uv read", async () => {
  const caOf = async (args: string[], env: Record<string, string>) => (await accepted([...ONE, ...args], { env })).upstream.caFile;
  assert.equal(await caOf([], { PIP_CERT: "ca.pem", SSL_CERT_FILE: "other-ca.pem" }), join(cwd, "ca.pem"));
  assert.equal(await caOf([], { SSL_CERT_FILE: join(cwd, "other-ca.pem") }), join(cwd, "other-ca.pem"));
  assert.equal(await caOf(["--ca-file", "other-ca.pem"], { PIP_CERT: "ca.pem" }), join(cwd, "other-ca.pem"));
  const missing = await found(ONE, { env: { REQUESTS_CA_BUNDLE: "nowhere.pem" } });
  assert.equal(missing.config.upstream.caFile, null);
  assert.match(missing.notices[0]!.message, /^REQUESTS_CA_BUNDLE names no file: only the system's certificates are trusted$/);
});

test("netrc has the credentials of indexes that have none", async () => {
  const netrc = join(cwd, "own-netrc");
  writeFileSync(netrc, "machine index.example login me password it's\ndefault login any password all\n");
  const { config, notices } = await found(
    [...ONE, "--extra-index-url", "https://a:b@index.example/", "--extra-index-url", "https://c.example/"],
    {
      env: { NETRC: netrc },
    },
  );
  assert.deepEqual(
    config.indexes.map(({ auth }) => auth),
    [{ kind: "basic", username: "me", password: "it's" }, { kind: "basic", username: "a", password: "b" }, null],
  );
  assert.deepEqual(
    notices.map(({ message }) => message),
    [`index-1 is asked with the user name and password that ${netrc} has for its host`],
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
