import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { MIB } from "../../base/units.ts";
import { command } from "./binary/testing/assembler.ts";
import { type BuiltModule, buildModule } from "./build-module.ts";

const folder = mkdtempSync(join(tmpdir(), "pilotlight-build-module-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function build(): Promise<BuiltModule> {
  const built = await buildModule({ id: "a", file: join(folder, "a.wasm"), memoryMaxBytes: 16 * MIB, contract: "command" }, folder);
  assert.ok(built.ok);
  return built.value;
}

test("a module that the disk has torn or changed since it was built is built again", async () => {
  writeFileSync(join(folder, "a.wasm"), command());
  const { codeFile } = await build();
  const whole = readFileSync(codeFile);
  truncateSync(codeFile, whole.length - 3);
  await build();
  assert.deepEqual(readFileSync(codeFile), whole);
  const changed = Uint8Array.from(whole);
  changed[changed.length - 1]! ^= 1;
  writeFileSync(codeFile, changed);
  await build();
  assert.deepEqual(readFileSync(codeFile), whole);
});
