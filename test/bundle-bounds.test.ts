/** Which files may become part of a bundle: the attacks on it, and what must go on working. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, realpath, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import type { Failure, Result } from "../src/base/result.ts";
import { type Bundle, bundleFunction } from "../src/engines/javascript/bundle.ts";
import { findBundle, getBundle } from "../src/engines/javascript/bundle-cache.ts";
import { save } from "./support/bundled.ts";

const SECRET = "hunter2-of-the-host";

/** A host with a secret beside the project `app`, whose functions are in `app/functions`. */
let host: string;
beforeEach(async () => {
  host = await realpath(await mkdtemp(join(tmpdir(), "pilotlight-bounds-")));
  await save(join(host, "secret.txt"), SECRET);
  await save(join(host, "secret.json"), JSON.stringify(SECRET));
  await save(join(host, "app/package.json"), "{}");
  await save(join(host, "app/functions/b.js"), "export default () => 1");
});
afterEach(() => rm(host, { recursive: true }));

const sourceOf = (name: string) => ({ id: name, file: join(host, "app/functions", name), sourceRoot: join(host, "app/functions") });

async function bundle(code: string, name = "a.ts"): Promise<Result<Bundle>> {
  await save(join(host, "app/functions", name), code);
  return bundleFunction(sourceOf(name), { mode: "production", minify: false });
}

function refusalIn(result: Result<unknown>): Failure {
  assert.ok(!result.ok, "the bundle was expected to fail");
  assert.doesNotMatch(JSON.stringify(result.failure), /hunter2/);
  return result.failure;
}

function codeOf(result: Result<Bundle>): string {
  assert.ok(result.ok, result.ok ? "" : result.failure.message);
  return result.value.code;
}

test("an import of a file of the host is refused, with who imports it and why", async () => {
  const failure = refusalIn(await bundle('import x from "../../secret.txt";\nexport default () => x'));
  assert.equal(failure.code, "IMPORT_REFUSED");
  assert.deepEqual(failure.at, { file: "a.ts", line: 1, column: 15 });
  assert.ok(
    failure.message.startsWith(
      `Cannot bundle a.ts: ${host}/secret.txt can't be part of a function: it lies outside the project ${host}/app (a.ts:1:15)\n`,
    ),
    failure.message,
  );
  assert.match(failure.hint ?? "", /^Import files of the project/);
});

test("no spelling of an import leads out of the project", async () => {
  await symlink(join(host, "secret.txt"), join(host, "app/link.txt"));
  await symlink(host, join(host, "app/up"));
  const imports = [
    'import x from "/proc/self/environ" with { type: "text" };',
    'import x from "/etc/passwd" with { type: "bytes" };',
    `import x from "file://${host}/secret.json";`,
    'import x from "../../secret.json";',
    'import x from "../../secret.json" with { type: "json" };',
    'import x from "../link.txt";',
    'import x from "../up/secret.json";',
    'const x = require("../../secret.txt");',
    'const x = () => import("../../secret.json");',
    'const x = (name: string) => import("../../" + name + ".json");',
    'export * from "../../secret.json"; const x = 1;',
  ];
  for (const line of imports) {
    const failure = refusalIn(await bundle(`${line}\nexport default () => x`));
    assert.match(failure.code, /^IMPORT_(?:REFUSED|UNRESOLVED)$/, `${line}: ${failure.message}`);
  }
});

test("neither a path of a tsconfig.json nor a package's entry leads out", async () => {
  await save(join(host, "app/tsconfig.json"), JSON.stringify({ compilerOptions: { paths: { "host/*": [`${host}/*`] } } }));
  assert.equal(refusalIn(await bundle('import x from "host/secret.json"; export default x')).code, "IMPORT_REFUSED");
  await save(join(host, "app/node_modules/evil/package.json"), JSON.stringify({ name: "evil", main: "../../../secret.json" }));
  assert.equal(refusalIn(await bundle('import x from "evil"; export default x')).code, "IMPORT_REFUSED");
});

test("a function that is a link to a file of the host is refused without a word of it", async () => {
  await symlink(join(host, "secret.txt"), join(host, "app/functions/p.js"));
  const failure = refusalIn(await bundleFunction(sourceOf("p.js"), { mode: "production", minify: false }));
  assert.equal(failure.code, "SOURCE_UNREADABLE");
  assert.equal(failure.message, `Cannot read p.js: it is a link to ${host}/secret.txt, which lies outside the project ${host}/app`);
});

test("no source map brings a file of the host into the bundle's", async () => {
  const map = Buffer.from(JSON.stringify({ version: 3, sources: [join(host, "secret.txt")], names: [], mappings: "AAAA" })).toString(
    "base64",
  );
  await save(join(host, "evil.map"), JSON.stringify({ version: 3, sources: ["x"], sourcesContent: [SECRET], names: [], mappings: "AAAA" }));
  for (const url of [`data:application/json;base64,${map}`, "../../evil.map"]) {
    for (const name of ["a.ts", "a.js"]) {
      for (const comment of [`//# sourceMappingURL=${url}`, `/*@ sourceMappingURL=${url} */`]) {
        const own = await bundle(`export default () => "an answer"\n${comment}`, name);
        assert.doesNotMatch(own.ok ? own.value.map : "", /hunter2/, comment);
        await save(join(host, "app/lib.js"), `export const lib = () => 1;\n${comment}`);
        const imported = await bundle('import { lib } from "../lib.js"; export default () => lib()');
        assert.doesNotMatch(imported.ok ? imported.value.map : "", /hunter2/, comment);
      }
    }
  }
  const text = await bundle('export default () => "//# sourceMappingURL=x"');
  assert.match(codeOf(text), /"\/\/# sourceMappingURL=x"/, "a text of that form is what it was");
});

test("files of the project, installed packages and linked packages of a workspace are bundled", async () => {
  await save(join(host, "app/text.txt"), "a text of the project");
  await save(join(host, "node_modules/hoisted/index.js"), 'export default "hoisted"');
  await save(join(host, "lib/package.json"), '{"name":"@own/lib","main":"main.js"}');
  await save(join(host, "lib/main.js"), 'export { default } from "other"');
  await save(join(host, "other/package.json"), '{"name":"other","main":"main.js"}');
  await save(join(host, "other/main.js"), 'export default "by two links"');
  await save(join(host, "lib/node_modules/.keep"), "");
  await save(join(host, "node_modules/@own/.keep"), "");
  await symlink(join(host, "lib"), join(host, "node_modules/@own/lib"));
  await symlink(join(host, "other"), join(host, "lib/node_modules/other"));
  const code = codeOf(
    await bundle(`
      import text from "../text.txt";
      import again from "../text.txt" with { type: "text" };
      import hoisted from "hoisted";
      import lib from "@own/lib";
      export default () => [text, again, hoisted, lib].join();`),
  );
  for (const part of ["a text of the project", '"hoisted"', '"by two links"']) assert.ok(code.includes(part), part);
});

test("a link in node_modules lets in only a package of that name", async () => {
  await save(join(host, "app/node_modules/.keep"), "");
  await symlink(host, join(host, "app/node_modules/named"));
  assert.equal(refusalIn(await bundle('import x from "named/secret.json"; export default x')).code, "IMPORT_REFUSED");
  await rm(join(host, "app/node_modules"), { recursive: true });
  await symlink(host, join(host, "app/node_modules"));
  assert.equal(refusalIn(await bundle('import x from "secret.json"; export default x')).code, "IMPORT_REFUSED");
});

test("without a project the functions' folder is the bound, and a pilotlight.yaml beside it widens it", async () => {
  await rm(join(host, "app/package.json"));
  await save(join(host, "app/data.json"), '"data of the project"');
  const code = 'import x from "../data.json"; export default () => x';
  assert.match(refusalIn(await bundle(code)).message, /outside the project .*\/app\/functions /);
  await save(join(host, "app/pilotlight.yaml"), "");
  assert.match(codeOf(await bundle(code)), /data of the project/);
});

test("only regular files of a bearable size are read, as a function and as an import", async () => {
  execFileSync("mkfifo", [join(host, "app/functions/fifo.js")]);
  await symlink("/dev/zero", join(host, "app/functions/zero.js"));
  await writeFile(join(host, "app/functions/huge.js"), "");
  await truncate(join(host, "app/functions/huge.js"), 17 * 1024 * 1024);
  const why = { "fifo.js": /no regular file/, "zero.js": /outside the project/, "huge.js": /larger than 16/ };
  for (const [name, reason] of Object.entries(why)) {
    assert.match(refusalIn(await bundleFunction(sourceOf(name), { mode: "production", minify: false })).message, reason);
    assert.match(refusalIn(await bundle(`import x from "./${name}"; export default x`)).message, reason);
  }
});

test("settings of the bundler that are no regular files are refused before it reads them", async () => {
  for (const name of ["tsconfig.json", "package.json"]) {
    const file = join(host, "app/functions", name);
    execFileSync("mkfifo", [file]);
    assert.match(refusalIn(await bundle("export default () => 1")).message, new RegExp(`${name}: it is no regular file, or`));
    await rm(file);
  }
});

test("a bundle in the cache holds only as long as its files may be read", async () => {
  const cacheDir = join(host, "cache");
  await save(join(host, "app/data.json"), "1");
  await save(join(host, "app/functions/a.js"), 'import x from "../data.json"; export default () => x');
  assert.ok((await getBundle(sourceOf("a.js"), cacheDir, "serve")).ok);
  assert.notEqual(findBundle(sourceOf("a.js"), cacheDir, "serve"), null);
  await symlink(join(host, "secret.txt"), join(host, "link.js"));
  await rename(join(host, "link.js"), join(host, "app/functions/a.js"));
  assert.equal(findBundle(sourceOf("a.js"), cacheDir, "serve"), null);
  assert.equal(refusalIn(await getBundle(sourceOf("a.js"), cacheDir, "serve")).code, "SOURCE_UNREADABLE");
  await rm(join(host, "app/functions/a.js"));
  execFileSync("mkfifo", [join(host, "app/functions/a.js")]);
  assert.equal(findBundle(sourceOf("a.js"), cacheDir, "serve"), null);
});

test("a build that hangs ends at its time limit, and when it is given up", async () => {
  // Not looked at before the build: only the bundler knows that it will read it.
  await save(join(host, "app/lib/c.js"), "export const c = 1");
  execFileSync("mkfifo", [join(host, "app/lib/tsconfig.json")]);
  await save(join(host, "app/functions/a.js"), 'import { c } from "../lib/c.js"; export default () => c');
  const options = { mode: "production", minify: false } as const;
  const failure = refusalIn(await bundleFunction(sourceOf("a.js"), { ...options, timeoutMs: 300 }));
  assert.equal(failure.code, "BUILD_TIMEOUT");
  assert.equal(failure.message, "Cannot bundle a.js: it was not done within 300ms");
  const stop = new AbortController();
  const abandoned = bundleFunction(sourceOf("a.js"), options, stop.signal);
  stop.abort(new Error("given up"));
  await assert.rejects(abandoned, /given up/);
});
