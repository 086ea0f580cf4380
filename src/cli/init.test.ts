import assert from "node:assert/strict";
import { test } from "node:test";
import { transformSync } from "esbuild";
import { readServerTree } from "../config/server-tree.ts";
import { parseYaml } from "../config/yaml.ts";
import { parseHttpFile } from "./http-tests/parse.ts";
import { projectFiles } from "./init-files.ts";

const FILES = projectFiles("demo", "^1.0.0");

test("the functions of a new project parse, and each has a test that parses", () => {
  const functions = Object.keys(FILES).filter((path) => path.endsWith(".ts"));
  assert.ok(functions.length >= 2);
  for (const path of functions) {
    transformSync(FILES[path]!, { loader: "ts" });
    assert.equal(parseHttpFile(FILES[path.replace(/\.ts$/, ".http")]!, path).ok, true, path);
  }
});

test("the settings of a new project are accepted", () => {
  const tree = parseYaml(FILES["pilotlight.yaml"]!, "pilotlight.yaml");
  assert.ok(tree.ok);
  assert.deepEqual(readServerTree(tree.value, []).failures, []);
});

test("a new project keeps its secrets and what is made out of git", () => {
  assert.deepEqual(FILES[".gitignore"]!.split("\n"), ["node_modules/", ".pilotlight/", "dist/", ".env", ""]);
});

test("a new project names the package it depends on", () => {
  assert.equal(JSON.parse(FILES["package.json"]!).dependencies.pilotlight, "^1.0.0");
});
