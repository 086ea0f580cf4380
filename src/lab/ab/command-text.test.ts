import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommand } from "./command-text.ts";

function wordsOf(text: string): readonly string[] {
  const parsed = parseCommand(text);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.failure);
  return parsed.value(8123);
}

test("plain words are started as they are, with the port in every place that asks for it", () => {
  assert.deepEqual(wordsOf("node server.js {port} --admin=127.0.0.1:{port}"), ["node", "server.js", "8123", "--admin=127.0.0.1:8123"]);
});

test("quotes and backslashes group words as a shell does", () => {
  assert.deepEqual(wordsOf(`'my server' "a \\"b\\" c" d\\ e '' {port}`), ["my server", 'a "b" c', "d e", "", "8123"]);
  assert.deepEqual(wordsOf(`echo 'a;$b' {port}`), ["echo", "a;$b", "8123"]);
  assert.deepEqual(wordsOf(`x "a\\nb" {port}`), ["x", "a\\nb", "8123"]);
});

test("what needs a shell gets one", () => {
  for (const text of ["PORT={port} node x.js", "cd /srv && exec node x.js {port}", 'node "$HOME/x.js" {port}', "node x.js {port} | cat"])
    assert.deepEqual(wordsOf(text), ["/bin/sh", "-c", text.replaceAll("{port}", "8123")]);
});

test("a command without a port, without words or with an open quote is refused", () => {
  for (const [text, message] of [
    ["node x.js", /does not say \{port\}/],
    ["  ", /is empty/],
    ["node 'x.js {port}", /not closed/],
  ] as const) {
    const parsed = parseCommand(text);
    assert.match(parsed.ok ? "" : parsed.failure, message);
  }
});
