import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeProgramOf } from "./node-program.ts";

const FILE = "/srv/functions/report.mjs";

test("a file for Node is known by its first line, or by the command that runs it", () => {
  const script = { file: FILE, args: ["--fast"] };
  for (const [head, command] of [
    ["#!/usr/bin/node\n", ["/usr/bin/node"]],
    ["#!/usr/bin/env node\nx", ["/usr/bin/env", "node"]],
    ["#! /usr/bin/env -S node --stack-size=2000\n", ["/usr/bin/env", "-S node --stack-size=2000"]],
    ["#!/usr/bin/env -S LEVEL=3 node\n", ["/usr/bin/env", "-S LEVEL=3 node"]],
  ] as const) {
    assert.deepEqual(nodeProgramOf(script, head, FILE), { ok: true, value: { command, script: FILE, args: ["--fast"] } }, head);
  }
  const program = { file: "/opt/node/bin/node", args: ["--expose-gc", FILE, "a", "b"] };
  const value = { command: ["/opt/node/bin/node", "--expose-gc"], script: FILE, args: ["a", "b"] };
  assert.deepEqual(nodeProgramOf(program, "\x7fELF", FILE), { ok: true, value });
});

test("what is none says what it is", () => {
  assert.match(lackOf(FILE, [], "#!/usr/bin/env python3\n"), /its first line names env python3/);
  assert.match(lackOf(FILE, [], "#!/bin/sh -e\n"), /names sh -e/);
  assert.match(lackOf("/usr/bin/python3", [FILE], "\x7fELF"), /started by python3/);
  assert.match(lackOf("/usr/bin/node", ["/elsewhere/main.js"], "\x7fELF"), /started by node/);
  assert.match(
    lackOf("/srv/functions/report.py", [], "#!/usr/bin/env node\n", "/srv/functions/report.py"),
    /no program for Node \(report.py\)/,
  );
});

function lackOf(file: string, args: readonly string[], head: string, functionFile = FILE): string {
  const result = nodeProgramOf({ file, args }, head, functionFile);
  return result.ok ? "" : result.failure;
}
