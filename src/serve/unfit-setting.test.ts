import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineName, FunctionOverrides } from "../config/config.ts";
import type { FoundFunction } from "./folder.ts";
import { unfitSetting } from "./unfit-setting.ts";

function messageOf(engine: EngineName, overrides: FunctionOverrides): string | null {
  const found: FoundFunction = { id: "report", route: "/report", engine, file: "/functions/report" };
  return unfitSetting(found, engine, overrides)?.message ?? null;
}

test("what only WebAssembly knows is refused for an executable, by its key", () => {
  for (const [overrides, key] of [
    [{ contract: "gojinn" }, "contract: gojinn"],
    [{ checkpoint: false }, "checkpoint"],
    [{ allow: { dir: ["./data::/data"] } }, "allow.dir"],
  ] as const)
    assert.equal(
      messageOf("process", overrides),
      `Cannot serve report: it is an executable, and its ${key} is a setting of WebAssembly alone`,
    );
});

test("so are limits and walls of isolates, which would be believed in", () => {
  assert.match(messageOf("process", { cpuTimeoutMs: 5 }) ?? "", /its cpu_timeout is a setting of JavaScript and WebAssembly alone$/);
  assert.match(messageOf("process", { allow: { env: ["TZ"], fetch: [] } }) ?? "", /its allow\.fetch is a setting of/);
});

test("what an executable knows is not", () => {
  const overrides: FunctionOverrides = { contract: "cgi", outputMaxBytes: 1, allow: { env: ["TZ"] }, process: { instanceMin: 1 }, port: 1 };
  assert.equal(messageOf("process", overrides), null);
  assert.equal(messageOf("process", { contract: "command", isolation: { kind: "process" } }), null);
});

test("settings of processes are refused for what is none", () => {
  assert.match(
    messageOf("javascript", { process: {} }) ?? "",
    /it is a JavaScript function, and its process is a setting of executables alone$/,
  );
  assert.match(messageOf("wasm", { process: { instanceMin: 2 } }) ?? "", /it is a WebAssembly function/);
  assert.equal(messageOf("wasm", { checkpoint: true, contract: "gojinn", cpuTimeoutMs: 1, allow: { dir: [] } }), null);
});
