import assert from "node:assert/strict";
import { test } from "node:test";
import { command } from "./binary/testing/assembler.ts";
import { detectContract } from "./detect-contract.ts";

const READS = ["wasi_snapshot_preview1.fd_read"];

function moduleWith(data: string, names = ""): Uint8Array {
  const text = [...Buffer.from(data)];
  // One active segment at 0.
  return command([], { data: [[0, 0x41, 0, 0x0b, text.length, ...text]], custom: [{ name: "name", bytes: [...Buffer.from(names)] }] });
}

test("a contract is told by imports and data", () => {
  const cases: [data: string, imports: readonly string[], contract: string][] = [
    ["", [], "command"],
    ["", ["gojinn.host_log"], "gojinn"],
    ["QUERY_STRING", READS, "cgi"],
    ["QUERY_STRING", [...READS, "pilotlight.kv_get"], "cgi"],
    ["", ["pilotlight.kv_get"], "command"],
    ['{"status":200,"body":""}', READS, "gojinn"],
    ['{"status":200,"body":""}', [], "command"],
    ["statusbody", READS, "gojinn"],
    ["statusbody runtime.goexit", READS, "command"],
    ["no body", READS, "command"],
  ];
  for (const [data, imports, contract] of cases)
    assert.equal(detectContract(moduleWith(data), imports).contract, contract, `${data} ${imports.join()}`);
});

test("what functions are called tells nothing", () => {
  assert.equal(detectContract(moduleWith("", "read_body print_status REQUEST_METHOD"), READS).contract, "command");
  assert.equal(detectContract(moduleWith("no body", "status"), READS).contract, "command");
});
