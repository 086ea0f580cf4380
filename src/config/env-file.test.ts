import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fillEnvironment } from "./env-file.ts";
import { parseFlags } from "./flags.ts";
import { configFromFlags, SERVER_FLAGS } from "./parse.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pilotlight-env-"));
  mkdirSync(join(root, "functions"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function save(name: string, text: string): string {
  writeFileSync(join(root, name), text);
  return join(root, name);
}

async function portOf(mode: "serve" | "dev", args: readonly string[], env: Record<string, string | undefined> = {}) {
  const result = await configFromFlags(parseFlags(SERVER_FLAGS, args, 1), { mode, env, cwd: root });
  return result.ok ? result.value.port : result.failure.map(({ message }) => message).join("\n");
}

test("a file fills what the environment lacks, and the environment wins", () => {
  const env: Record<string, string | undefined> = { TOKEN: "real" };
  const file = save(".env", 'TOKEN=file\nexport NAME="two words" # said twice\n');
  assert.equal(fillEnvironment(env, file), null);
  assert.deepEqual(env, { TOKEN: "real", NAME: "two words" });
});

test("reading again takes back what the file no longer says, and leaves what somebody else has set", () => {
  const env: Record<string, string | undefined> = {};
  fillEnvironment(env, save(".env", "A=1\nB=1\nC=1\n"));
  env["C"] = "set by hand";
  fillEnvironment(env, save(".env", "B=2\nC=2\n"));
  assert.deepEqual(env, { B: "2", C: "set by hand" });
  fillEnvironment(env, null);
  assert.deepEqual(env, { C: "set by hand" });
});

test("dev reads the project's .env unasked, serve only the file it is given", async () => {
  save(".env", "PILOTLIGHT_PORT=3001\n");
  save("live.env", "PILOTLIGHT_PORT=3002\n");
  assert.equal(await portOf("dev", []), 3001);
  assert.equal(await portOf("dev", ["functions"]), 3001);
  assert.equal(await portOf("dev", [], { PILOTLIGHT_PORT: "3003" }), 3003);
  assert.equal(await portOf("dev", ["--env-file", "live.env"]), 3002);
  assert.equal(await portOf("serve", []), 8080);
  assert.equal(await portOf("serve", ["--env-file", "live.env"]), 3002);
});

test("a .env that is not there is nothing, a file that was named is a failure", async () => {
  assert.equal(await portOf("dev", []), 8080);
  assert.equal(await portOf("serve", ["--env-file", "nope.env"]), `Cannot read ${join(root, "nope.env")}: no such file`);
  assert.equal(await portOf("serve", ["--env-file", "functions"]), `Cannot read ${join(root, "functions")}: it is no file`);
});
