import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { findSource } from "./source.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pilotlight-source-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function found(path: string | null) {
  const result = findSource(path, root);
  return result.ok ? result.value : assert.fail(result.failure.message);
}

test("a project's functions are in its functions folder, whichever of the two is named", () => {
  mkdirSync(join(root, "functions"));
  writeFileSync(join(root, "pilotlight.yaml"), "");
  const expected = { source: { kind: "folder", path: join(root, "functions") }, configFile: join(root, "pilotlight.yaml") };
  for (const path of [null, ".", "functions", "pilotlight.yaml"]) assert.deepEqual(found(path), expected, String(path));
});

test("a folder without a functions folder is itself the functions", () => {
  assert.deepEqual(found(null), { source: { kind: "folder", path: root }, configFile: null });
});

test("an empty path is no folder", () => {
  writeFileSync(join(root, "hello.ts"), "");
  const refused = findSource("", root);
  assert.ok(!refused.ok);
  assert.equal(refused.failure.message, 'Cannot serve "": the path is empty');
});

test("a folder of some other project is served only when it is named", () => {
  writeFileSync(join(root, "package.json"), "{}");
  const refused = findSource(null, root);
  assert.ok(!refused.ok);
  assert.equal(refused.failure.code, "SOURCE_NOT_PROJECT");
  assert.match(refused.failure.message, /^No PATH is given, and \S+ is no project: it has package\.json/);
  assert.deepEqual(found(".").source, { kind: "folder", path: root });
  writeFileSync(join(root, "pilotlight.yaml"), "");
  assert.deepEqual(found(null).source, { kind: "folder", path: root });
  rmSync(join(root, "pilotlight.yaml"));
  mkdirSync(join(root, "functions"));
  assert.deepEqual(found(null).source, { kind: "folder", path: join(root, "functions") });
});

test("a pilotlight.yaml beside some other folder is not picked up", () => {
  mkdirSync(join(root, "api"));
  writeFileSync(join(root, "pilotlight.yaml"), "");
  assert.equal(found("api").configFile, null);
});

test("a folder that build made is recognised by its manifest, a foreign manifest is not", () => {
  writeFileSync(join(root, "manifest.json"), '{ "format": 1, "guestHash": "00" }');
  assert.equal(found(null).source.kind, "built");
  writeFileSync(join(root, "manifest.json"), '{ "name": "a web app" }');
  assert.equal(found(null).source.kind, "folder");
});
