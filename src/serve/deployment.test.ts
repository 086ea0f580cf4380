import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { Config, FunctionOverrides } from "../config/config.ts";
import { resolveConfig } from "../config/parse.ts";
import { PROCESS_DEFAULTS } from "../config/process-settings.ts";
import { getBundle } from "../engines/javascript/bundle-cache.ts";
import { bundleSourceOf } from "./bundle-source.ts";
import { makeDeployment } from "./deployment.ts";
import { functionRoute } from "./function-route.ts";
import type { Deployment } from "./function-spec.ts";
import { createRouter } from "./router.ts";

const roots: string[] = [];
after(() => Promise.all(roots.map((root) => rm(root, { recursive: true }))));

async function configOf(files: Record<string, string>, functions: Record<string, FunctionOverrides> = {}): Promise<Config> {
  const root = await mkdtemp(join(tmpdir(), "pilotlight-deployment-"));
  roots.push(root);
  const path = join(root, "src");
  await mkdir(path);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  const config = await resolveConfig({}, path);
  assert.ok(config.ok);
  return { ...config.value, source: { kind: "folder", path }, dataDir: join(root, "data"), functions };
}

const specOf = (deployment: Deployment, id: string) => {
  const spec = deployment.functions.find((one) => one.id === id);
  assert.ok(spec, `${id} is deployed`);
  return spec;
};

test("defaults fill what pilotlight.yaml does not say", async () => {
  const config = await configOf(
    { "a.ts": "", "b.ts": "" },
    { b: { timeoutMs: 5, poolSize: 3, isolation: { kind: "request" }, methods: ["GET"] } },
  );
  const { deployment, notices, failures } = await makeDeployment(config, 7, {});
  assert.equal(deployment.version, 7);
  assert.deepEqual([...notices, ...failures], []);
  const a = specOf(deployment, "a");
  assert.deepEqual(
    [a.route, a.timeoutMs, a.poolSize, a.isolation.kind, a.methods, a.failure],
    ["/a", config.timeoutMs, 256, "shared", null, null],
  );
  const b = specOf(deployment, "b");
  assert.deepEqual([b.timeoutMs, b.poolSize, b.isolation.kind, b.methods], [5, 3, "request", ["GET"]]);
});

test("modes with state of their own get a pool by the machine's size", async () => {
  const config = await configOf({ "a.ts": "" }, { a: { isolation: { kind: "bounded", calls: 64 } } });
  const { poolSize } = specOf((await makeDeployment(config, 1, {})).deployment, "a");
  assert.ok(poolSize >= 8 && poolSize <= 128, String(poolSize));
});

test("memory that V8 could not start with is raised, with one notice for all", async () => {
  const config = { ...(await configOf({ "a.ts": "", "b.ts": "", "c.ts": "", "d.ts": "" })), memoryMaxBytes: 65_536 };
  const { deployment, notices } = await makeDeployment(config, 1, {});
  assert.deepEqual(
    deployment.functions.map((spec) => spec.memoryMaxBytes),
    Array(4).fill(8 * 1024 * 1024),
  );
  assert.deepEqual(notices, ["The memory limit of a, b, c and 1 more is raised to 8m: V8 does not start with less"]);
});

test("the environment reaches a function by name only, and a missing secret is its failure", async () => {
  const config = await configOf(
    { "a.ts": "", "b.ts": "" },
    { a: { env: { MODE: "x", TZ: "own" }, allow: { env: ["TZ", "ABSENT"] }, secrets: ["KEY"] }, b: { secrets: ["GONE"] } },
  );
  const { deployment } = await makeDeployment(config, 1, { KEY: "k", TZ: "UTC", OTHER: "no" });
  assert.deepEqual(specOf(deployment, "a").env, { MODE: "x", TZ: "own", KEY: "k" });
  assert.equal(specOf(deployment, "b").failure?.code, "SECRET_MISSING");
});

test("two files with one route name each other and neither serves", async () => {
  const config = await configOf({ "a.ts": "", "a.js": "", "users/[id].ts": "", "users/[name].ts": "", "ok.ts": "" });
  const { functions } = (await makeDeployment(config, 1, {})).deployment;
  const failures = Object.fromEntries(functions.map((spec) => [spec.id, spec.failure]));
  assert.match(failures["a.ts"]!.message, /a\.ts: .*a\.js has the route \/a too/);
  assert.match(failures["users/[name]"]!.message, /\[id\]\.ts has the route/);
  assert.equal(failures["ok"], null);
});

test("a route of its own ends a conflict", async () => {
  const config = await configOf({ "a.ts": "", "a.js": "" }, { "a.js": { route: "/old" } });
  const { functions } = (await makeDeployment(config, 1, {})).deployment;
  assert.deepEqual(
    functions.map(({ route, failure }) => [route, failure]),
    [
      ["/old", null],
      ["/a", null],
    ],
  );
});

test("an id and a source of its own rename and add functions", async () => {
  const config = await configOf({ "a.ts": "", "_lib/b.ts": "" });
  const source = join(dirname(config.dataDir), "src", "_lib", "b.ts");
  const { deployment, failures } = await makeDeployment({ ...config, functions: { a: { id: "first" }, "x/b": { source } } }, 1, {});
  assert.deepEqual(failures, []);
  assert.deepEqual(
    deployment.functions.map(({ id, route }) => `${id} ${route}`),
    ["first /a", "x/b /x/b"],
  );
  assert.equal(specOf(deployment, "x/b").file, source);
});

test("two functions with one id are told so", async () => {
  const config = await configOf({ "a.ts": "", "b.ts": "" }, { a: { id: "b" } });
  const { functions } = (await makeDeployment(config, 1, {})).deployment;
  assert.deepEqual(
    functions.map((spec) => spec.failure?.code),
    ["ID_CONFLICT", "ID_CONFLICT"],
  );
});

test("an override of no function names the one that was meant", async () => {
  const { failures } = await makeDeployment(await configOf({ "hello.ts": "" }, { helo: {} }), 1, {});
  assert.equal(failures[0]?.code, "FUNCTION_UNKNOWN");
  assert.match(failures[0]?.message ?? "", /"helo".*Did you mean hello\?/);
});

test("a function whose isolation or route can't be served says why and the others serve", async () => {
  const config = await configOf(
    { "order.ts": "", "files/[...a]/b.ts": "", "ok.ts": "" },
    {
      order: { engine: "wasm", isolation: { kind: "shared" } },
    },
  );
  const { deployment } = await makeDeployment(config, 1, {});
  assert.equal(specOf(deployment, "order").failure?.code, "ISOLATION_UNSUPPORTED");
  assert.equal(specOf(deployment, "files/[...a]/b").failure?.code, "ROUTE_INVALID");
  assert.equal(specOf(deployment, "ok").failure, null);
});

test("a port is one function's alone, and not the server's", async () => {
  const files = { "a.ts": "", "b.ts": "", "c.ts": "", "d.ts": "" };
  const config = await configOf(files, { a: { port: 9_001 }, b: { port: 9_001 }, c: { port: 9_002 }, d: { port: 8_080 } });
  const { deployment } = await makeDeployment({ ...config, port: 8_080 }, 1, {});
  const codes = deployment.functions.map(({ id, port, failure }) => [id, port, failure?.code]);
  assert.deepEqual(codes, [
    ["a", 9_001, "PORT_CONFLICT"],
    ["b", 9_001, "PORT_CONFLICT"],
    ["c", 9_002, undefined],
    ["d", 8_080, "PORT_CONFLICT"],
  ]);
});

test("an executable has its settings, and is its own bundle", async () => {
  const config = await configOf({ "report.sh": "#!/bin/sh\necho hi\n" }, { report: { process: { instanceMax: 2 } } });
  assert.ok(config.source.kind === "folder");
  const file = join(config.source.path, "report.sh");
  await chmod(file, 0o755);
  const { deployment } = await makeDeployment(config, 1, {});
  const { engine, process, memoryMaxBytes, bundle } = deployment.functions[0]!;
  assert.deepEqual([engine, memoryMaxBytes], ["process", config.processMemoryMaxBytes]);
  assert.deepEqual(process, { ...PROCESS_DEFAULTS, instanceMax: 2 });
  assert.equal(bundle?.codeFile, file);
});

test("a folder that is gone is one failure and no function", async () => {
  const config = await configOf({});
  const made = await makeDeployment({ ...config, source: { kind: "folder", path: join(config.dataDir, "gone") } }, 1, {});
  assert.deepEqual([made.deployment.functions.length, made.failures[0]?.code], [0, "SOURCE_UNREADABLE"]);
});

test("the file's name for its rest parameter reaches the router", async () => {
  const { deployment } = await makeDeployment(await configOf({ "files/[...path].ts": "" }), 1, {});
  const router = createRouter(deployment.functions.map((spec) => functionRoute(spec, spec.id)));
  assert.deepEqual(router.match("/files/a/b")?.params, { path: "a/b" });
});

test("a reload keeps the bundles that are still valid and drops the others", async () => {
  const config = await configOf({ "same.ts": "export default () => 1", "edited.ts": "export default () => 1" });
  const first = (await makeDeployment(config, 1, {})).deployment;
  const functions = await Promise.all(
    first.functions.map(async (spec) => {
      const result = await getBundle(bundleSourceOf(config.source, spec), config.dataDir, config.mode);
      assert.ok(result.ok);
      return { ...spec, bundle: result.value };
    }),
  );
  await writeFile(specOf(first, "edited").file, "export default () => 2222");
  const second = (await makeDeployment(config, 2, {}, { version: 1, functions })).deployment;
  assert.equal(specOf(second, "edited").bundle, null);
  assert.deepEqual(specOf(second, "same").bundle, functions.find((spec) => spec.id === "same")?.bundle);
});

test("an executable takes as many calls as its instances and its line hold, and one more to be refused by it", async () => {
  const files = { "a.sh": "#!/bin/sh\n", "b.sh": "#!/bin/sh\n", "c.sh": "#!/bin/sh\n" };
  const overrides = { b: { process: { instanceMax: 10, concurrency: 8, queueMax: 1_000 } }, c: { poolSize: 2 } };
  const config = await configOf(files, overrides);
  for (const name of Object.keys(files)) await chmod(join((config.source as { path: string }).path, name), 0o755);
  const { deployment } = await makeDeployment(config, 1, {});
  assert.deepEqual(
    deployment.functions.map(({ poolSize }) => poolSize),
    [261, 1_081, 2],
  );
});

test("a setting of another engine is the failure of its function alone", async () => {
  const config = await configOf({ "a.ts": "", "b.ts": "" }, { a: { process: { instanceMin: 1 } } });
  const { deployment } = await makeDeployment(config, 1, {});
  assert.deepEqual(
    deployment.functions.map(({ failure }) => failure?.code ?? null),
    ["SETTING_UNSUPPORTED", null],
  );
});
