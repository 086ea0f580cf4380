import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { INDEX, mirrorFolder, neverAsked, nobodyKnows, ONE, told } from "../../../test/support/mirror-config.ts";
import type { DiscoverIndex } from "./discovered.ts";

const { accepted, cwd, found, refused } = mirrorFolder();

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
    '--pin names no index: "nope". The indexes are company',
    '5: mirror.pins.acme-* names no index: "compny". Did you mean company?',
    '6: mirror.pins.? is no name of a project: use letters, digits, dots and dashes, with "*" for any. ',
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

test("further indexes of pip's and uv's variables are left where they are, and said to be, unless some are named", async () => {
  const env = { PIP_EXTRA_INDEX_URL: "https://u:pw@b.example/", UV_INDEX: "b=https://b.example/" };
  const discover: DiscoverIndex = async () => ({ address: { url: INDEX, auth: null }, from: "pip", caFile: null, notices: [] });
  for (const args of [ONE, []]) {
    const { notices } = await found(args, { env, discover });
    assert.deepEqual(
      notices.map(({ message }) => message.split(",")[0]),
      ["PIP_EXTRA_INDEX_URL names further indexes", "UV_INDEX names further indexes"],
    );
    assert.doesNotMatch(JSON.stringify(notices), /pw/);
  }
  assert.deepEqual((await found([...ONE, "--extra-index-url", "https://b.example/"], { env })).notices, []);
});
