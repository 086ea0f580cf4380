import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoadProgress } from "../load/result.ts";
import { createProgressLine } from "./progress-line.ts";

const PROGRESS: LoadProgress = {
  elapsedMs: 5_000,
  totalMs: 20_000,
  completedCount: 4_990,
  failedCount: 0,
  perSecond: 998,
  p99Us: 12_300,
  isWarmUp: false,
};

function fakeStream(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  return { written, isTTY, columns, write: (text: string) => written.push(text) };
}

test("on a terminal one line is rewritten, and taken away at the end", () => {
  const stream = fakeStream(true);
  const line = createProgressLine(stream, { quiet: false, env: {} });
  line.update(PROGRESS);
  line.update({ ...PROGRESS, elapsedMs: 10_000 });
  line.end();
  line.end();
  assert.equal(stream.written.length, 3);
  assert.equal(stream.written[0], `\r${"━".repeat(6)}${"─".repeat(18)}  5 / 20 s  998 req/s  p99 12.3 ms  0 failed\x1b[K`);
  assert.equal(stream.written[2], "\r\x1b[2K");
  assert.ok(stream.written.every((text) => !text.includes("\n")));
});

test("failures are red where colours are wanted", () => {
  const failing = { ...PROGRESS, failedCount: 1_234 };
  const coloured = fakeStream(true);
  createProgressLine(coloured, { quiet: false, env: {} }).update(failing);
  assert.ok(coloured.written[0]!.includes("\x1b[31m1,234 failed\x1b[39m"));
  const plain = fakeStream(true);
  createProgressLine(plain, { quiet: false, env: { NO_COLOR: "1" } }).update(failing);
  assert.ok(!plain.written[0]!.includes("\x1b[31m"));
});

test("the line never fills a narrow terminal", () => {
  for (const columns of [1, 10, 20, 40, 60]) {
    const stream = fakeStream(true, columns);
    createProgressLine(stream, { quiet: false, env: { NO_COLOR: "1" } }).update(PROGRESS);
    const shown = stream.written[0]!.replace("\r", "").replace("\x1b[K", "");
    assert.ok(shown.length < columns, `${columns}: ${shown}`);
  }
});

test("a terminal that does not know its width is taken for 80 columns wide", () => {
  const stream = fakeStream(true, 0);
  createProgressLine(stream, { quiet: false, env: { NO_COLOR: "1" } }).update(PROGRESS);
  assert.match(stream.written[0]!, /998 req\/s {2}p99 12\.3 ms {2}0 failed/);
});

test("without a terminal there is a plain line at once and every ten seconds of the run", () => {
  const stream = fakeStream(false);
  const line = createProgressLine(stream, { quiet: false, env: {} });
  for (let elapsedMs = 500; elapsedMs <= 25_000; elapsedMs += 500) line.update({ ...PROGRESS, elapsedMs });
  line.update({ ...PROGRESS, elapsedMs: 61_000, totalMs: null, isWarmUp: true, completedCount: 0 });
  line.end();
  assert.deepEqual(stream.written, [
    " 1 / 20 s  998 req/s  p99 12.3 ms  0 failed\n",
    "10 / 20 s  998 req/s  p99 12.3 ms  0 failed\n",
    "20 / 20 s  998 req/s  p99 12.3 ms  0 failed\n",
    "61 s warm-up  998 req/s  p99 -  0 failed\n",
  ]);
});

test("a run of a few seconds has no plain line", () => {
  const stream = fakeStream(false);
  const line = createProgressLine(stream, { quiet: false, env: {} });
  for (let elapsedMs = 500; elapsedMs <= 8_000; elapsedMs += 500) line.update({ ...PROGRESS, elapsedMs, totalMs: 8_000 });
  assert.deepEqual(stream.written, []);
});

test("a quiet run prints nothing", () => {
  const stream = fakeStream(true);
  const line = createProgressLine(stream, { quiet: true, env: {} });
  line.update(PROGRESS);
  line.end();
  assert.deepEqual(stream.written, []);
});
