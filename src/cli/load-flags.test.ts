import assert from "node:assert/strict";
import { test } from "node:test";
import { loadOptions } from "./load-flags.ts";

test("a line for each request is kept for the CSV, which is made of them, and not for the page", () => {
  assert.equal(loadOptions(new Map([["html", ["run.html"]]])).keepsSamples, false);
  assert.equal(loadOptions(new Map([["csv", ["run.csv"]]])).keepsSamples, true);
});
