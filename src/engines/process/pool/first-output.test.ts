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
  await once(output, "close");
  assert.deepEqual(lines, ["Serving on 127.0.0.1", "ready", "bye"]);
});

test("output that may be an answer is read to its end, and kept only up to a limit", async () => {
  const output = new PassThrough();
  let lineCount = 0;
  const kept = new FirstOutput(output);
  for (let part = 0; part < 100; part++) output.write(`${"x".repeat(9_999)}\n`);
  output.end();
  await once(output, "close");
  kept.logTo(() => lineCount++);
  assert.ok(lineCount <= 7, `${lineCount} of 100 lines`);
});

test("a flood is dropped and counted", async () => {
  const output = new PassThrough();
  const lines: string[] = [];
  new FirstOutput(output).logTo((line) => lines.push(line));
  output.end("y\n".repeat(30_000));
  await once(output, "close");
  assert.ok(lines.length < 3_000, `${lines.length} lines`);
  assert.match(lines.at(-1)!, /^\(\d+ lines of its standard output were dropped\)$/);
});
