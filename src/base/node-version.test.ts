import assert from "node:assert/strict";
import { test } from "node:test";
import { isNodeSupported } from "./node-version.ts";

test("a Node before the first with everything we need is not supported", () => {
  for (const version of ["20.19.0", "25.9.9", "26.0.0", "26.3.9"]) assert.equal(isNodeSupported(version), false, version);
  for (const version of ["26.4.0", "26.10.0", "27.0.0", process.versions.node]) assert.equal(isNodeSupported(version), true, version);
});
