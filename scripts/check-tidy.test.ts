import assert from "node:assert/strict";
import { test } from "node:test";
import { checkText } from "./check-tidy.ts";

const MACHINE_PATH = ["", "home", "ada", "project"].join("/");
const REGISTRY = ["registry", "npmjs", "org"].join(".");

test("a path of somebody's machine and a registry's host are found with their line", () => {
  assert.match(checkText("a.md", `fine\nsee ${MACHINE_PATH}`)[0]!, /^a\.md:2: a home directory/);
  assert.match(checkText("package-lock.json", `"https://${REGISTRY}/x"`)[0]!, /registry host/);
});

test("routes and addresses that only look alike are left alone", () => {
  assert.deepEqual(checkText("a.md", "GET /users/ada/ https://example.com/home/ada/ src/work/x.ts"), []);
});
