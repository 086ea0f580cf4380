import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { FirstOutput } from "./first-output.ts";

test("what was written before and after it is known to be a log is logged by lines, the last without its end", async () => {
  const output = new PassThrough();
  const lines: string[] = [];
  const kept = new FirstOutput(output);
  output.write("Serving on 127");
  await settled();
  kept.logTo((line) => lines.push(line));
  output.write(".0.0.1\nready\nby");
  output.end("e");
  await once(output, "end");
  assert.deepEqual(lines, ["Serving on 127.0.0.1", "ready", "bye"]);
});

test("output that may be an answer is read without being logged, and kept only up to a limit", async () => {
  const output = new PassThrough();
  const lines: string[] = [];
  const kept = new FirstOutput(output);
  for (let part = 0; part < 100; part++) output.write(`${"x".repeat(10_000)}\n`);
  output.end();
  await once(output, "end");
  kept.logTo((line) => lines.push(line));
  assert.deepEqual(lines, []);
});

test("a line without an end is cut", async () => {
  const output = new PassThrough();
  const lines: string[] = [];
  new FirstOutput(output).logTo((line) => lines.push(line));
  output.end("y".repeat(30_000));
  await once(output, "end");
  assert.ok(lines.every((line) => line.length <= 8_192));
  assert.ok(lines.length > 0);
});
