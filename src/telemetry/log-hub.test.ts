import assert from "node:assert/strict";
import { test } from "node:test";
import { LogHub } from "./log-hub.ts";
import { formatRecord } from "./log-record.ts";
import { LogRing, RING_LINES_MAX, RING_MAX_BYTES } from "./log-ring.ts";
import { createLineStyle, wantsColour } from "./log-style.ts";

const record = (functionId: string, message: string): string => formatRecord({ time: 0, level: "info", function: functionId, message });

test("a batch is printed as it came and kept line by line", () => {
  const printed: string[] = [];
  const hub = new LogHub((text) => printed.push(text), null);
  hub.accept(record("a", "one") + record("b", "two"));
  assert.deepEqual(printed, [record("a", "one") + record("b", "two")]);
  assert.equal(hub.ring.lines(null).length, 2);
});

test("debug records are kept but not printed", () => {
  const printed: string[] = [];
  const hub = new LogHub((text) => printed.push(text), null);
  hub.record("debug", "worker started", { pid: 1 });
  assert.deepEqual(printed, []);
  assert.equal(hub.ring.lines(null).length, 1);
});

test("a function can't hide its records by writing the debug mark into its message", () => {
  const printed: string[] = [];
  const hub = new LogHub((text) => printed.push(text), null);
  hub.accept(record("a", '"level":"debug"'));
  assert.equal(printed.length, 1);
});

test("lines of one function are found by the field, not by the text", () => {
  const ring = new LogRing();
  ring.push(record("a", 'says "b" and "function":"b"').trim());
  ring.push(record("b", "mine").trim());
  assert.deepEqual(
    ring.lines("b").map((line) => JSON.parse(line).message),
    ["mine"],
  );
});

test("the ring forgets the oldest by count and by size", () => {
  const ring = new LogRing();
  for (let index = 0; index < RING_LINES_MAX + 5; index++) ring.push(String(index));
  assert.equal(ring.lines(null).length, RING_LINES_MAX);
  assert.equal(ring.lines(null)[0], "5");
  ring.push("x".repeat(RING_MAX_BYTES * 2));
  assert.equal(ring.lines(null).length, 1);
  ring.push("next");
  assert.deepEqual(ring.lines(null), ["next"]);
});

test("a follower gets what comes after it, of its function, until it leaves", () => {
  const ring = new LogRing();
  const seen: string[] = [];
  ring.push(record("a", "before").trim());
  const leave = ring.follow("a", (line) => seen.push(JSON.parse(line).message));
  ring.push(record("a", "during").trim());
  ring.push(record("b", "other").trim());
  leave();
  ring.push(record("a", "after").trim());
  assert.deepEqual(seen, ["during"]);
});

test("a record for people has time, level, function, message and the rest", () => {
  const style = createLineStyle(false);
  const line = formatRecord({ time: 0, level: "warn", function: "hello", message: "slow", requestId: "r", tookMs: 12, stack: "at x" });
  assert.equal(style(line.trim()), "00:00:00.000 warn  hello: slow tookMs=12\nat x");
});

const styled = (level: "info" | "error", message: string, fields: Readonly<Record<string, unknown>> = {}): string => {
  const style = createLineStyle(false, { cwd: "/w/shop", sourceRoot: "/w/shop/functions" });
  return style(formatRecord({ time: 0, level, message, ...fields }).trim()).slice("00:00:00.000 ".length);
};

test("an answer is told once, in units that people read", () => {
  const answer = { function: "hello", method: "GET", path: "/hello?a=1", status: 200, bytes: 12_288, durationUs: 55_469 };
  assert.equal(styled("info", "GET /hello?a=1 200", answer), "info  GET /hello?a=1 200 12 KiB 55 ms");
  const durations = [999, 1_049, 999_400, 1_500_000, 90_000_000].map((durationUs) =>
    styled("info", "GET /hello?a=1 200", { ...answer, durationUs }),
  );
  assert.deepEqual(
    durations.map((line) => line.slice(line.indexOf("KiB ") + 4)),
    ["999 us", "1.0 ms", "999 ms", "1.5 s", "90 s"],
  );
});

test("a thrown error is told once, its frames relative to the working folder, its hint on a line of its own", () => {
  const stack = "Error: no\n    at deep (oops.ts:5:32)\n    at async ../lib/db.ts:1:2\n    at node:fs:1:1\n    at /usr/x.js:3:4";
  assert.deepEqual(styled("error", "Error: no", { function: "oops", stack, excerpt: "> 5 | throw", hint: "Throw less" }).split("\n"), [
    "error oops: Error: no",
    "    at deep (functions/oops.ts:5:32)",
    "    at async lib/db.ts:1:2",
    "    at node:fs:1:1",
    "    at /usr/x.js:3:4",
    "> 5 | throw",
    "  Throw less",
  ]);
});

test("a failure leads with its place, unless it names it already", () => {
  const yaml = { file: "/w/shop/pilotlight.yaml", line: 3, column: 11 };
  assert.equal(styled("error", "Unknown key", { at: yaml }), "error pilotlight.yaml:3:11: Unknown key");
  const code = { file: "a.ts", line: 1, column: 8 };
  const message = "Cannot bundle a.ts: no (a.ts:1:8)\n  1 | x";
  assert.equal(styled("error", message, { code: "C", at: code }), "error Cannot bundle a.ts: no (functions/a.ts:1:8) code=C\n  1 | x");
});

test("escape sequences of a function never reach the terminal", () => {
  const style = createLineStyle(false);
  const line = style(record("a", "\u001b]0;owned\u0007 \u009b2J \u202e evil").trim());
  assert.equal(line, "00:00:00.000 info  a: \\u001b]0;owned\\u0007 \\u009b2J \\u202e evil");
  assert.equal(style("not json\u001b[2J"), "not json\\u001b[2J");
});

test("colour is for terminals whose user did not refuse it", () => {
  assert.equal(wantsColour({ isTTY: true }, {}), true);
  assert.equal(wantsColour({ isTTY: true }, { NO_COLOR: "1" }), false);
  assert.equal(wantsColour({}, {}), false);
  assert.ok(createLineStyle(true)(record("a", "m").trim()).includes("\u001b[36minfo"));
});
