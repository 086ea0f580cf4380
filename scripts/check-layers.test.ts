import assert from "node:assert/strict";
import { test } from "node:test";
import { checkImports } from "./check-layers.ts";

test("an import that points down passes", () => {
  assert.deepEqual(
    checkImports("src/engines/javascript/realm.ts", 'import { assert } from "../../base/assert.ts";\nimport "isolated-vm";'),
    [],
  );
});

test("an import that points up or across is named, however it is written", () => {
  const cases: [string, string][] = [
    ["src/engines/engine.ts", 'import type { FunctionSpec } from "../serve/function-spec.ts";'],
    ["src/http/listener.ts", 'export { worker } from "../serve/worker.ts";'],
    ["src/http/listener.ts", 'import {\n  metrics,\n} from "../telemetry/metrics.ts";'],
    ["src/serve/router.ts", 'const cli = await import("../cli/serve.ts");'],
    ["src/base/units.ts", 'import "../config/config.ts";'],
    ["guest/body.ts", 'import { ok } from "../src/base/result.ts";'],
    ["guest/body.ts", 'import { Buffer } from "node:buffer";'],
  ];
  for (const [file, source] of cases) assert.equal(checkImports(file, source).length, 1, source);
});

test("an import in a comment is no import", () => {
  assert.deepEqual(checkImports("src/base/units.ts", '/* import "../cli/x.ts"; */\n// import "../cli/x.ts";\n'), []);
});

test("a folder without a place in the order is a failure", () => {
  assert.match(checkImports("src/extras/new.ts", "")[0]!, /in no layer/);
});
