import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Failure } from "../base/result.ts";
import type { Config } from "./config.ts";
import { parseConfig, resolveConfig } from "./parse.ts";
import { settingHelp } from "./setting.ts";
import { SETTING_KEYS, SETTINGS } from "./settings.ts";

const cwd = mkdtempSync(join(tmpdir(), "pilotlight-config-"));
after(() => rmSync(cwd, { recursive: true, force: true }));
writeFileSync(join(cwd, "hello.ts"), "");
writeFileSync(join(cwd, "cert.pem"), "");
writeFileSync(join(cwd, "key.pem"), "");
mkdirSync(join(cwd, "public"));

const MACHINE = { cpuCount: 4, memoryBytes: 8 * 1024 ** 3 };

async function parse(args: string[], env: Record<string, string> = {}): Promise<Config> {
  const result = await parseConfig({ mode: "serve", args, env, cwd, machine: MACHINE });
  assert.equal(result.ok, true, result.ok ? "" : JSON.stringify(result.failure));
  return result.ok ? result.value : assert.fail();
}

async function refuse(args: string[], env: Record<string, string> = {}): Promise<readonly Failure[]> {
  const result = await parseConfig({ mode: "serve", args, env, cwd, machine: MACHINE });
  return result.ok ? assert.fail("should have been refused") : result.failure;
}

async function withYaml(text: string, args: string[] = [], env: Record<string, string> = {}) {
  writeFileSync(join(cwd, "extra.yaml"), text);
  return parseConfig({ mode: "serve", args: ["--config", "extra.yaml", ...args], env, cwd, machine: MACHINE });
}

test("without a word said, the defaults of the design hold", async () => {
  const config = await parse([]);
  assert.equal(config.host, "127.0.0.1");
  assert.equal(config.port, 8080);
  assert.equal(config.workerCount, 4);
  assert.equal(config.poolSize, null);
  assert.equal(config.memoryMaxBytes, 128 * 1024 ** 2);
  assert.equal(config.timeoutMs, 30_000);
  assert.equal(config.poolWaitTimeoutMs, 5);
  assert.equal(config.staticCacheMaxBytes, 2 * 1024 ** 2);
  assert.equal(config.staticCacheMaxFileBytes, 128 * 1024);
  assert.equal(config.dataDir, join(cwd, ".pilotlight"));
  assert.deepEqual(config.admin, { host: "127.0.0.1", port: 8081, named: false, token: null, tls: null });
  assert.deepEqual(config.source, { kind: "folder", path: cwd });
});

test("what is said of single functions is refused at the top, with its place", async () => {
  for (const [key, text] of [
    ["isolation", "isolation: request\n"],
    ["allow", "allow: { env: [TZ] }\n"],
  ]) {
    const result = await withYaml(text!);
    assert.ok(!result.ok);
    assert.deepEqual(
      result.failure.map(({ message, hint }) => [message, hint]),
      [[`Unknown key "${key}" at the top`, "It is said of single functions: write it under functions, below the function's name"]],
    );
  }
});

test("the limits that the documentation shows as defaults are the defaults", async () => {
  const keys = SETTING_KEYS.filter((key) => key.startsWith("http."));
  assert.ok(keys.length > 0);
  const lines = keys.map((key) => `  ${key.slice("http.".length)}: ${settingHelp(SETTINGS, key).shown}`);
  const shown = await withYaml(`http:\n${lines.join("\n")}\n`);
  assert.deepEqual(shown.ok && shown.value.http, (await parse([])).http);
});

test("the page's flags mean what the page says, -h being the host", async () => {
  const config = await parse(["-p", "9000", "-h", "0.0.0.0", "-n", "16", "-m", "256k", "-q", "--cors", "--static", "public", "hello.ts"]);
  assert.deepEqual(
    [config.port, config.host, config.poolSize, config.memoryMaxBytes, config.quiet, config.cors],
    [9000, "0.0.0.0", 16, 262_144, true, true],
  );
  assert.equal(config.staticDir, join(cwd, "public"));
  assert.deepEqual(config.source, { kind: "file", path: join(cwd, "hello.ts") });
});

test("the page's setting names work as flags, with dashes or underscores", async () => {
  const config = await parse(["--pool_wait_timeout_ms", "7", "--pool-metrics-every=100", "--static_cache_max_bytes=4m"]);
  assert.deepEqual([config.poolWaitTimeoutMs, config.poolMetricsEvery, config.staticCacheMaxBytes], [7, 100, 4 * 1024 ** 2]);
});

test("flags win over the environment, the environment over the file", async () => {
  const result = await withYaml("port: 1000\nhost: 10.0.0.1\ntimeout: 1s\n", ["-p", "3000"], {
    PILOTLIGHT_PORT: "2000",
    PILOTLIGHT_HOST: "10.0.0.2",
  });
  assert.ok(result.ok);
  assert.deepEqual([result.value.port, result.value.host, result.value.timeoutMs], [3000, "10.0.0.2", 1000]);
});

test("all problems are reported together, each naming what to mend", async () => {
  const failures = await refuse(["--prot", "1", "-p", "70000", "-m", "lots", "--static", "nowhere", "--tls-cert", "cert.pem"], {
    PILOTLIGHT_WORKERS: "none",
    PILOTLIGHT_TIMEUOT: "1s",
  });
  const text = failures.map((failure) => `${failure.message} ${failure.hint ?? ""}`).join("\n");
  for (const part of [
    /Unknown flag --prot Did you mean --port\?/,
    /--port "70000" is not a port/,
    /--memory "lots" is not a size/,
    /--static .*nowhere: no such/,
    /--tls-cert is alone/,
    /PILOTLIGHT_WORKERS "none"/,
    /Did you mean PILOTLIGHT_TIMEOUT\?/,
  ]) {
    assert.match(text, part);
  }
});

test("a limit of nothing is refused, wherever it is written", async () => {
  for (const [flag, value] of [
    ["-m", "0"],
    ["-m", "0.0001k"],
    ["-m", "-1m"],
    ["-n", "0"],
    ["-n", "-1"],
    ["-w", "0"],
    ["-t", "0s"],
    ["--cpu-timeout", "0"],
    ["--worker-memory", "0"],
  ]) {
    const [failure, ...others] = await refuse([`${flag}${flag!.startsWith("--") ? "=" : ""}${value}`]);
    assert.deepEqual([failure!.code, others], ["CONFIG_BAD_VALUE", []], `${flag} ${value}: ${failure!.message}`);
  }
  const result = await withYaml("functions:\n  hello: { memory: 0, timeout: 0, pool: 0 }\nhttp: { header_timeout: 0 }\n");
  const messages = result.ok ? [] : result.failure.map((failure) => failure.message);
  assert.deepEqual(messages, [
    "functions.hello.memory 0 is nothing: give at least 1 byte",
    "functions.hello.timeout 0 is nothing: give at least 1ms",
    "functions.hello.pool 0 is not a whole number from 1 to 100000",
    "http.header_timeout 0 is nothing: give at least 1ms",
  ]);
});

test("the data folder may not be the folder of functions itself", async () => {
  assert.match((await refuse(["--data-dir", "."]))[0]!.message, /is the folder of functions itself/);
});

test("a flag that lacks its value says so instead of taking the next flag for it", async () => {
  const [failure] = await refuse(["--port", "--cors"]);
  assert.match(failure!.message, /--port needs a value/);
});

test("a missing path is refused with what could be given", async () => {
  const [failure] = await refuse(["nowhere"]);
  assert.equal(failure!.code, "SOURCE_MISSING");
  assert.match(failure!.message, /nowhere: no such file or folder/);
});

test("an admin address off loopback needs a long token and TLS", async () => {
  assert.deepEqual(
    (await refuse(["--admin", "0.0.0.0:9001"])).map((failure) => failure.code),
    ["CONFIG_ADMIN_EXPOSED", "CONFIG_ADMIN_EXPOSED"],
  );
  const yaml = "admin:\n  host: 0.0.0.0\n  port: 9001\n  tls: { cert: cert.pem, key: key.pem }\n";
  assert.equal((await withYaml(yaml, [], { PILOTLIGHT_ADMIN_TOKEN: "short" })).ok, false);
  const result = await withYaml(yaml, [], { PILOTLIGHT_ADMIN_TOKEN: "0123456789abcdef" });
  assert.deepEqual(result.ok && result.value.admin?.tls, { certFile: join(cwd, "cert.pem"), keyFile: join(cwd, "key.pem") });
});

test("--admin off beats an address in the file", async () => {
  const result = await withYaml("admin: { port: 9001 }\n", ["--admin", "off"]);
  assert.equal(result.ok && result.value.admin, null);
});

test("the admin address may not be the server's own", async () => {
  assert.match((await refuse(["-p", "9000", "--admin", "9000"]))[0]!.message, /both want port 9000/);
  assert.equal((await parse(["-p", "8081"])).admin?.port, 8082);
  assert.equal((await parse(["--admin", "8081"])).admin?.named, true);
});

test("a file is strict about its keys and gives their lines", async () => {
  const result = await withYaml("port: 8080\nfunctions:\n  hello:\n    timeot: 1s\n    allow: { ftech: [] }\nworkrs: 2\n");
  const failures = result.ok ? [] : result.failure;
  assert.deepEqual(
    failures.map(({ code, hint, at }) => [code, hint, at?.line]),
    [
      ["CONFIG_UNKNOWN_KEY", "Did you mean timeout?", 4],
      ["CONFIG_UNKNOWN_KEY", "Did you mean fetch?", 5],
      ["CONFIG_UNKNOWN_KEY", "Did you mean workers?", 6],
    ],
  );
});

test("a file that is not YAML is refused with the line", async () => {
  const result = await withYaml("port: 8080\n\thost: x\n");
  assert.equal(result.ok ? 0 : result.failure[0]!.at?.line, 2);
});

test("an alias that stands inside what it means is refused with its place", async () => {
  for (const text of ["functions:\n  hello: &n\n    env: *n\n", "functions: &f\n  hello:\n    env: *f\n", "port: &p\n  -\n    - *p\n"]) {
    const result = await withYaml(text);
    const [failure] = result.ok ? [] : result.failure;
    assert.equal(failure?.code, "CONFIG_YAML_SYNTAX");
    assert.match(failure?.message ?? "", /extra\.yaml: the alias \*[nfp] stands inside its own anchor/);
    assert.deepEqual([failure?.at?.line, failure?.at?.column], text.startsWith("port") ? [3, 7] : [3, 10]);
  }
});

test("a pilotlight.yaml that is no regular file is refused without waiting for it", async () => {
  execFileSync("mkfifo", [join(cwd, "fifo.yaml")]);
  const [failure] = await refuse(["--config", "fifo.yaml"]);
  assert.match(failure?.message ?? "", /^Cannot read .*fifo\.yaml: it is no regular file$/);
});

test("aliases that would grow without bound are refused", async () => {
  const bomb = [
    "a: &a [x, x, x, x, x, x, x, x, x, x]",
    ...["b", "c", "d", "e"].map((name, index) => `${name}: &${name} [${Array(10).fill(`*${"abcd"[index]}`).join(", ")}]`),
  ];
  const result = await withYaml(bomb.join("\n"));
  assert.match(result.ok ? "" : result.failure[0]!.message, /alias/i);
});

test("overrides of a function are read with their units", async () => {
  const result = await withYaml(`functions:
  api/users/[id]:
    route: /people/:id
    methods: [get, POST]
    memory: 64m
    timeout: 2s
    isolation: bounded(100)
    env: { LEVEL: 3 }
    secrets: [TOKEN]
    allow: { fetch: ["https://api.example.com/"], kv: [orders, orders, a.b-c_1], sql: [main] }
    source: other/users.ts
  constructor:
    isolation: ttl(30s)
`);
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(
    { ...result.value.functions["api/users/[id]"] },
    {
      route: "/people/:id",
      methods: ["GET", "POST"],
      memoryMaxBytes: 64 * 1024 ** 2,
      timeoutMs: 2000,
      isolation: { kind: "bounded", calls: 100 },
      env: { LEVEL: "3" },
      secrets: ["TOKEN"],
      allow: { fetch: ["https://api.example.com"], kv: ["orders", "a.b-c_1"], sql: ["main"] },
      source: join(cwd, "other/users.ts"),
    },
  );
  assert.deepEqual(result.value.functions["constructor"], { isolation: { kind: "ttl", ms: 30_000 } });
});

test("a folder of images starts at the folder of the file that names it", async () => {
  const result = await withYaml("functions: { f: { process: { snapshot: criu, snapshot_dir: images } } }");
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(result.value.functions["f"]!.process, { snapshot: "criu", snapshotDir: join(cwd, "images") });
});

test("names of stores that could be paths, or differ by case alone, are refused", async () => {
  for (const name of ["../x", "a/b", "Orders", ".hidden", "", "a".repeat(65), "é", "a b"]) {
    for (const key of ["kv", "sql", "blob", "queue", "lock"]) {
      const result = await withYaml(`functions: { f: { allow: { ${key}: [${JSON.stringify(name)}] } } }`);
      assert.match(result.ok ? "" : result.failure[0]!.message, new RegExp(`allow.${key} .* is not a list of names`), name);
    }
  }
});

test("options may be written in camelCase or as the page writes them", async () => {
  const camel = await resolveConfig(
    { poolWaitTimeoutMs: 9, staticCacheMaxFileSize: "1m", http: { bodyMax: 10 }, functions: { a: { cpuTimeout: "1s" } } },
    cwd,
  );
  const page = await resolveConfig(
    { pool_wait_timeout_ms: 9, pool_metrics_every: 5, static_cache_max_bytes: 1, static_cache_max_file_size: 2 },
    cwd,
  );
  assert.ok(camel.ok && page.ok);
  assert.deepEqual([camel.value.poolWaitTimeoutMs, camel.value.staticCacheMaxFileBytes, camel.value.http.bodyMaxBytes], [9, 1024 ** 2, 10]);
  assert.equal(camel.value.functions["a"]?.cpuTimeoutMs, 1000);
  assert.deepEqual(
    [page.value.poolWaitTimeoutMs, page.value.poolMetricsEvery, page.value.staticCacheMaxBytes, page.value.staticCacheMaxFileBytes],
    [9, 5, 1, 2],
  );
});

test("an option nobody knows is refused", async () => {
  const result = await resolveConfig({ portt: 1 } as object, cwd);
  assert.match(result.ok ? "" : result.failure[0]!.hint!, /Did you mean port\?/);
});

test("a Config is frozen all the way down", async () => {
  const config = await parse([]);
  assert.throws(() => Object.assign(config.http, { bodyMaxBytes: 1 }), TypeError);
});

test("a worker's ceiling is at most half of the machine and holds the largest function", async () => {
  const small = await parseConfig({ mode: "serve", args: [], env: {}, cwd, machine: { cpuCount: 1, memoryBytes: 1024 ** 3 } });
  assert.equal(small.ok && small.value.workerMemoryMaxBytes, 512 * 1024 ** 2);
  assert.match((await refuse(["-m", "6g"]))[0]!.hint!, /raise --worker-memory/);
});
