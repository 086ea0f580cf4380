import assert from "node:assert/strict";
import { test } from "node:test";
import { methodsIn } from "./method-glance.ts";

test("a glance sees exported methods", () => {
  assert.deepEqual(methodsIn("export function GET() {}\nexport async function PUT() {}\nexport const POST = () => {};\n"), [
    "GET",
    "PUT",
    "POST",
  ]);
});

test("a default export takes every method, and so does what a glance does not understand", () => {
  assert.equal(methodsIn("export default {};\nexport function GET() {}\n"), null);
  assert.equal(methodsIn('export * from "./_all.ts";\nfunction GET() {}\n'), null);
});

test("a constant in capitals is no method", () => {
  assert.deepEqual(methodsIn("export const LIMITS = { calls: 3 };\nexport function GET() {}\n"), ["GET"]);
  assert.equal(methodsIn("export const LIMITS = { calls: 3 };\n"), null);
});
