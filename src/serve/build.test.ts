import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { Config, FunctionOverrides } from "../config/config.ts";
import { resolveConfig } from "../config/parse.ts";
import { findSource } from "../config/source.ts";
import { buildDeployment, type CompileArtefacts } from "./build.ts";
import { makeDeployment } from "./deployment.ts";
import { readManifest } from "./manifest.ts";

const root = await mkdtemp(join(tmpdir(), "pilotlight-build-"));
after(() => rm(root, { recursive: true }));
let count = 0;

async function project(files: Record<string, string>, functions: Record<string, FunctionOverrides> = {}) {
  const folder = join(root, String(++count));
  const path = join(folder, "src");
  await mkdir(path, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  const base = await resolveConfig({}, path);
  assert.ok(base.ok);
  const config: Config = { ...base.value, source: { kind: "folder", path }, dataDir: join(folder, "data"), functions };
  return { config, folder, path, out: join(folder, "out") };
}

/** Stands in for V8: notes what it was asked for. */
const compile: CompileArtefacts = async (inputs, snapshotFile) => {
  for (const { codeFile, codeCacheFile, filename } of inputs)
    await writeFile(codeCacheFile, `${filename} ${(await readFile(codeFile)).length}`);
  await writeFile(snapshotFile, "snapshot");
};

test("a build serves what the folder serves, without its sources", async () => {
  const { config, out, path } = await project(
    { "a.ts": "export const GET = () => 1", "users/[id].ts": "export default () => 2" },
    { a: { route: "/first", timeoutMs: 9, secrets: ["KEY"], env: { MODE: "x" } }, "users/[id]": { id: "user" } },
  );
  const built = await buildDeployment(config, out, compile);
  assert.ok(built.ok, JSON.stringify(built));
  assert.deepEqual(
    built.value.functions.map(({ id, route }) => `${id} ${route}`),
    ["a /first", "user /users/:id"],
  );
  assert.ok(built.value.functions.every(({ codeBytes, codeCacheBytes }) => codeBytes > 50 && codeCacheBytes > 5));

  await rm(path, { recursive: true });
  const source = findSource(out, "/");
  assert.deepEqual(source.ok && source.value.source, { kind: "built", path: out });
  const served = await makeDeployment({ ...config, functions: {}, source: { kind: "built", path: out } }, 1, { KEY: "secret" });
  assert.deepEqual(served.failures, []);
  const [a, user] = served.deployment.functions;
  assert.deepEqual([a?.route, a?.timeoutMs, a?.env, a?.bundle?.methods], ["/first", 9, { MODE: "x", KEY: "secret" }, ["GET"]]);
  assert.deepEqual([user?.id, user?.route, user?.failure], ["user", "/users/:id", null]);
  assert.match(await readFile(a!.bundle!.codeFile, "utf8"), /__pilotlight_install/);
  assert.match(await readFile(a!.bundle!.codeCacheFile, "utf8"), /^pilotlight:a \d+$/);
});

test("no value of the environment is in the build, nor a path of this machine", async () => {
  const { config, out, folder } = await project(
    { "a.ts": "export default () => 1" },
    { a: { secrets: ["HOME"], allow: { env: ["PATH"] } } },
  );
  assert.equal((await buildDeployment(config, out, compile)).ok, true);
  for (const name of await readdir(out, { recursive: true, withFileTypes: true })) {
    if (!name.isFile() || name.name.startsWith("prelude-")) continue;
    const content = await readFile(join(name.parentPath, name.name), "utf8");
    for (const leak of [process.env["PATH"] ?? "", folder]) assert.ok(!content.includes(leak), `${name.name} holds ${leak}`);
  }
});

test("one function that can't be bundled leaves the build of before as it was", async () => {
  const { config, out, path } = await project({ "a.ts": "export default () => 1" });
  assert.equal((await buildDeployment(config, out, compile)).ok, true);
  const before = await readFile(join(out, "manifest.json"), "utf8");
  await writeFile(join(path, "b.ts"), "export default (");
  await writeFile(join(path, "c.ts"), 'import "nope"; export default 1');
  const failed = await buildDeployment(config, out, compile);
  assert.deepEqual(failed.ok ? [] : failed.failure.map(({ code }) => code).sort(), ["IMPORT_UNRESOLVED", "SYNTAX_ERROR"]);
  assert.equal(await readFile(join(out, "manifest.json"), "utf8"), before);
});

test("a build replaces the one before as a whole", async () => {
  const { config, out, path, folder } = await project({ "a.ts": "export default () => 1", "b.ts": "export default () => 2" });
  await buildDeployment(config, out, compile);
  await rm(join(path, "a.ts"));
  assert.equal((await buildDeployment(config, out, compile)).ok, true);
  const manifest = await readManifest(out);
  assert.deepEqual(manifest.ok && manifest.value.functions.map(({ id }) => id), ["b"]);
  assert.deepEqual((await readdir(folder)).sort(), ["data", "out", "src"]);
});

test("what is no part of a build stays where it is, and so do the files of the one before, until the next", async () => {
  const { config, out, path } = await project({ "a.ts": "export default () => 1" });
  const build = async (text: string): Promise<string[]> => {
    await writeFile(join(path, "a.ts"), text);
    assert.equal((await buildDeployment(config, out, compile)).ok, true);
    return (await readdir(join(out, "functions"))).filter((name) => name.endsWith(".js")).sort();
  };
  const first = await build("export default () => 1");
  await mkdir(join(out, ".pilotlight", "store"), { recursive: true });
  for (const name of ["pilotlight.yaml", ".env", "notes.txt", ".pilotlight/store/kv.sqlite"]) await writeFile(join(out, name), name);
  const second = await build("export default () => 2");
  assert.deepEqual(
    first.filter((name) => second.includes(name)),
    first,
  );
  const third = await build("export default () => 3");
  assert.deepEqual(
    first.filter((name) => third.includes(name)),
    [],
  );
  assert.equal(third.length, second.length);
  for (const name of ["pilotlight.yaml", ".env", "notes.txt", ".pilotlight/store/kv.sqlite"]) {
    assert.equal(await readFile(join(out, name), "utf8"), name);
  }
  assert.ok((await readManifest(out)).ok);
});

test("a compiler that fails leaves nothing behind", async () => {
  const { config, out, folder } = await project({ "a.ts": "export default () => 1" });
  const failed = await buildDeployment(config, out, async () => Promise.reject(new Error("no isolate")));
  assert.match(failed.ok ? "" : failed.failure[0]!.message, /no isolate/);
  assert.deepEqual((await readdir(folder)).sort(), ["data", "src"]);
});

test("folders that are not ours, or hold the sources, are not replaced", async () => {
  const { config, path, folder } = await project({ "a.ts": "export default () => 1" });
  const precious = join(folder, "precious");
  await mkdir(precious);
  await writeFile(join(precious, "manifest.json"), '{"name":"an app"}');
  for (const out of [precious, path, folder, "/"]) {
    const refused = await buildDeployment(config, out, compile);
    assert.equal(refused.ok ? "" : refused.failure[0]!.code, "OUT_DIR_REFUSED", out);
  }
  assert.deepEqual((await readdir(folder)).sort(), ["precious", "src"]);
});

test("a folder without functions, and a module that is none, are not built", async () => {
  const empty = await project({});
  const none = await buildDeployment(empty.config, empty.out, compile);
  assert.equal(none.ok ? "" : none.failure[0]!.code, "NO_FUNCTIONS");
  const wasm = await project({ "x.wasm": "" });
  const broken = await buildDeployment(wasm.config, wasm.out, compile);
  assert.equal(broken.ok ? "" : broken.failure[0]!.code, "INVALID_MODULE");
});

test("a manifest that is damaged, of another format or pointing outside is refused", async () => {
  const { config, out } = await project({ "a.ts": "export default () => 1" });
  await buildDeployment(config, out, compile);
  const file = join(out, "manifest.json");
  const good = await readFile(file, "utf8");
  const edits: [string, RegExp][] = [
    ["{", /JSON/],
    [good.replace('"format": 1', '"format": 99'), /format 99/],
    [good.replace(/"codeFile": "[^"]+"/, '"codeFile": "../../../etc/passwd"'), /outside the folder/],
    [good.replace('"functions":', '"functionz":'), /./],
  ];
  for (const [text, reason] of edits) {
    await writeFile(file, text);
    const { failures, deployment } = await makeDeployment({ ...config, source: { kind: "built", path: out } }, 1, {});
    assert.equal(failures[0]?.code, "BUILD_UNUSABLE");
    assert.match(failures[0]?.message ?? "", reason);
    assert.equal(deployment.functions.length, 0);
  }
});

test("compiled code of another V8 is not offered", async () => {
  const { config, out } = await project({ "a.ts": "export default () => 1" });
  await buildDeployment(config, out, compile);
  const file = join(out, "manifest.json");
  const manifest = await readManifest(out);
  assert.match(String(manifest.ok && manifest.value.snapshotFile), /out\/guest-\w{16}-[\w.-]+\.snapshot$/);
  await writeFile(file, (await readFile(file, "utf8")).replace(/"v8": "[^"]+"/, '"v8": "1.2.3 linux-x64"'));
  const other = await readManifest(out);
  assert.equal(other.ok && other.value.snapshotFile, null);
});

test("an executable is in the build, executable, under its name, and the build says what it can't know", async () => {
  const { config, out, path } = await project({ report: "#!/bin/sh\necho hi\n" }, { report: { process: { call: "stdio" } } });
  await chmod(join(path, "report"), 0o755);
  const built = await buildDeployment(config, out, compile);
  assert.ok(built.ok, JSON.stringify(built));
  assert.match(built.value.notices.join(), /^Of report only the executable itself is in the build/);
  await rm(path, { recursive: true });
  const served = await makeDeployment({ ...config, functions: {}, source: { kind: "built", path: out } }, 1, {});
  const [report] = served.deployment.functions;
  assert.deepEqual([report?.engine, report?.process?.call, report?.failure], ["process", "stdio", null]);
  assert.match(report!.bundle!.codeFile, /\/functions\/[0-9a-f]{16}-report$/);
  assert.notEqual((await stat(report!.bundle!.codeFile)).mode & 0o100, 0);
});
