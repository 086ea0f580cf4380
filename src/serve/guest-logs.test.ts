import assert from "node:assert/strict";
import { test } from "node:test";
import { BUDGET_LINES_MAX, BUDGET_STACKS_MAX } from "../telemetry/log-budget.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import type { BundleRef } from "./function-spec.ts";
import { GuestLogs } from "./guest-logs.ts";

const BUNDLE = { hash: "h", mapFile: "m" } as BundleRef;
const FRAME = "    at fail (pilotlight:hello:1:2)";

function logs(map: (stack: string) => Promise<string>): { readonly guest: GuestLogs; readonly written: LogRecord[] } {
  const written: LogRecord[] = [];
  return { guest: new GuestLogs({ write: (record) => written.push(record), mapStack: map }), written };
}

const line = (message: string, functionId = "hello") => ({ functionId, level: "info" as const, message });

test("a function that logs in a loop is cut short and told of once; another's lines are written", async () => {
  const { guest, written } = logs(async (stack) => stack);
  for (let count = 0; count < BUDGET_LINES_MAX * 2; count++) guest.write(line("again"), null);
  guest.write(line("mine", "other"), null);
  await guest.flush();
  await guest.flush();
  const reports = written.filter((record) => "dropped" in record);
  assert.deepEqual(
    reports.map((record) => [record.level, record.function, record["dropped"]]),
    [["warn", "hello", BUDGET_LINES_MAX]],
  );
  assert.equal(written.length, BUDGET_LINES_MAX + 2);
  assert.ok(written.some((record) => record.function === "other" && record.message === "mine"));
});

test("frames are mapped, text around them stays, and lines keep their order meanwhile", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { guest, written } = logs(() => promise);
  guest.write(line(`before\nError: no\n${FRAME}\nafter`), BUNDLE);
  guest.write(line("second"), BUNDLE);
  guest.write(line("elsewhere", "other"), BUNDLE);
  assert.deepEqual(
    written.map(({ message }) => message),
    ["elsewhere"],
  );
  resolve("    at fail (hello.ts:7:9)");
  await guest.flush();
  assert.deepEqual(
    written.map(({ message }) => message),
    ["elsewhere", "before\nError: no\n    at fail (hello.ts:7:9)\nafter", "second"],
  );
});

test("a stack whose map can't be read is logged as it came", async () => {
  const { guest, written } = logs(() => Promise.reject(new Error("gone")));
  guest.write(line(`Error: no\n${FRAME}`), BUNDLE);
  await guest.flush();
  assert.equal(written[0]?.message, `Error: no\n${FRAME}`);
});

test("no more stacks are mapped than the budget has", async () => {
  let mapped = 0;
  const { guest, written } = logs(async (stack) => {
    mapped++;
    return stack;
  });
  for (let count = 0; count < BUDGET_STACKS_MAX * 2; count++) guest.write(line(FRAME), BUNDLE);
  await guest.flush();
  assert.equal(mapped, BUDGET_STACKS_MAX);
  assert.equal(written.length, BUDGET_STACKS_MAX * 2);
});
