import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { bundleFunction } from "../src/engines/javascript/bundle.ts";
import { failureOf, projectOf, save } from "./support/bundled.ts";

test("a syntax error shows its file, line and column and points at the place", async () => {
  const failure = await failureOf({ "api/a.ts": 'export default () => {\n\tconst é = "é" + ;\n}' });
  assert.equal(failure.code, "SYNTAX_ERROR");
  assert.deepEqual(failure.at, { file: "api/a.ts", line: 2, column: 18 });
  assert.equal(
    failure.message,
    'Cannot bundle api/a.ts: Unexpected ";" (api/a.ts:2:18)\n  2 |  const é = "é" + ;\n    |                  ^',
  );
});

test("a syntax error in a module names the function and the module", async () => {
  const failure = await failureOf({ "a.ts": 'import "./_b"; export default () => 1', "_b.ts": "const = 1" });
  assert.match(failure.message, /^Cannot bundle a\.ts: .* \(_b\.ts:1:7\)/);
});

test("an error in a file of one long line shows only the part around it", async () => {
  const failure = await failureOf({ "a.js": `${"x;".repeat(50_000)}]` });
  assert.ok(failure.message.length < 500, `${failure.message.length} characters`);
  assert.match(failure.message, /\n {4}\| +\^$/);
});

test("a missing package names its importer and how to install it", async () => {
  const failure = await failureOf({ "a.ts": 'import pad from "@scope/left-pad/x";\nexport default pad' });
  assert.equal(failure.code, "IMPORT_UNRESOLVED");
  assert.match(failure.message, /cannot find "@scope\/left-pad\/x", imported by a\.ts:1:17/);
  assert.match(failure.hint ?? "", /npm install @scope\/left-pad /);
});

test("every error of a file is told, each with its place and its own advice", async () => {
  const { message, ...failure } = await failureOf({ "a.ts": 'import "nope";\nimport "./gone";\nimport "node:fs";\nexport default 1' });
  assert.deepEqual(failure, { code: "IMPORT_UNRESOLVED", at: { file: "a.ts", line: 1, column: 8 } });
  const lines = message.split("\n");
  assert.deepEqual(
    [0, 3, 4, 6, 7, 8, 10].map((index) => lines[index]),
    [
      'Cannot bundle a.ts: cannot find "nope", imported by a.ts:1:8',
      "  Run npm install nope in the project folder, or correct the name",
      'Also: cannot find "./gone", imported by a.ts:2:8',
      "    |        ^",
      "  Check the path: it is relative to the importing file",
      "Also: the Node module node:fs does not exist in the sandbox; it is imported by a.ts:3:8",
      "    |        ^",
    ],
  );
  const many = Array.from({ length: 12 }, (_, index) => `import "./gone-${index}";`).join("\n");
  const shown = (await failureOf({ "a.ts": `${many}\nexport default 1` })).message;
  assert.equal(shown.match(/cannot find/g)?.length, 10);
  assert.match(shown, /\n\(and 2 more errors\)$/);
});

test("a missing file, a missing export and a module from the network each have their own advice", async () => {
  assert.match((await failureOf({ "a.ts": 'import "./nope"; export default 1' })).hint ?? "", /relative to the importing file/);
  const unexported = await failureOf({ "a.ts": 'import { x } from "./b"; export default x', "b.ts": "export const y = 1" });
  assert.equal(unexported.code, "IMPORT_UNRESOLVED");
  assert.match(unexported.message, /No matching export in "b\.ts" for import "x"/);
  assert.match((await failureOf({ "a.ts": 'import "https://x.test/m.js"; export default 1' })).hint ?? "", /not loaded from the network/);
});

test("a Node module that needs the host fails the build, with and without node:", async () => {
  for (const name of ["node:fs", "fs", "node:child_process", "net", "node:fs/promises"]) {
    const failure = await failureOf({ "a.ts": `import * as it from "${name}";\nexport default it` });
    assert.equal(failure.code, "NODE_MODULE_UNAVAILABLE", name);
    assert.ok(
      failure.message.includes(`the Node module ${name} does not exist in the sandbox; it is imported by a.ts:1:21`),
      failure.message,
    );
    assert.match(failure.hint ?? "", /Available are .*node:buffer, node:events/);
  }
});

test("when a package imports it, the way there is shown", async () => {
  const project = await projectOf({});
  try {
    // Beside the packages of the repository, not among them.
    await save(join(project.root, "functions/node_modules/outer/index.js"), 'export { default } from "inner"');
    await save(join(project.root, "functions/node_modules/inner/index.js"), 'import fs from "fs"; export default fs');
    const file = join(project.root, "functions/a.ts");
    await save(file, 'export { default } from "outer"');
    const result = await bundleFunction({ id: "a", file, sourceRoot: project.root }, { mode: "production", minify: false });
    assert.ok(!result.ok);
    const packages = "functions/node_modules";
    assert.ok(
      result.failure.message.includes(`functions/a.ts -> ${packages}/outer/index.js -> ${packages}/inner/index.js`),
      result.failure.message,
    );
  } finally {
    await project.remove();
  }
});

test("a package that only tries a Node module may go on without it", async () => {
  const project = await projectOf({ "a.js": 'let net = null; try { net = require("net") } catch {}\nexport default () => net' });
  const result = await bundleFunction(
    { id: "a", file: join(project.root, "a.js"), sourceRoot: project.root },
    { mode: "production", minify: false },
  );
  await project.remove();
  assert.equal(result.ok, true);
});

test("a file without a handler is refused with the accepted forms", async () => {
  for (const code of ["export const x = 1", "const handle = () => 1", ""]) {
    const failure = await failureOf({ "a.ts": code });
    assert.equal(failure.code, "NO_HANDLER", code);
    assert.match(failure.hint ?? "", /export default \{ fetch.*function handler/);
  }
});

test("a file type that can't be imported and a file that is gone are told so", async () => {
  const image = await failureOf({ "a.ts": 'import x from "./x.png"; export default x', "x.png": "" });
  assert.equal(image.code, "IMPORT_UNSUPPORTED");
  const gone = await bundleFunction({ id: "a", file: "/nowhere/a.ts", sourceRoot: "/nowhere" }, { mode: "production", minify: false });
  assert.equal(gone.ok ? "" : gone.failure.message, "Cannot read a.ts: no such file");
});
