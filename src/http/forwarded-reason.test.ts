import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeCall } from "../../test/support/fake-exchange.ts";
import { carryReason, REASON_HEADER, reasonIn } from "./forwarded-reason.ts";

/** The lines that the answer of a call with this reason has. */
async function linesFor(reason: string): Promise<string> {
  const { exchange } = fakeCall().call;
  carryReason(exchange);
  await exchange.tellReason?.(Promise.resolve(reason));
  return exchange.extraLines;
}

async function across(reason: string): Promise<string | null> {
  const lines = await linesFor(reason);
  assert.match(lines, /^[\x21-\x7e]+: [\x21-\x7e]*\r\n$/, "one line, whatever is in the reason");
  return reasonIn(lines.slice(`${REASON_HEADER}: `.length, -2));
}

test("a reason arrives as it was told: frames, other alphabets, what looks like headers", async () => {
  for (const reason of ["trap trapped: unreachable\n    at inner (a.c:1)", "100 %, \u{1f600}", "a\r\nset-cookie: b=1\r\n\r\n<h1>", ""])
    assert.equal(await across(reason), reason);
});

test("half a character of a hostile message does not keep the reason", async () => {
  assert.equal(await across("\ud83d!"), "\ufffd!");
});

test("a long reason is cut, never in the middle of a character", async () => {
  const arrived = await across(`x${"\u{1f600}".repeat(10_000)}`);
  assert.match(arrived!, /^x(?:\u{1f600})+\ufffd$/u);
  assert.ok((await linesFor("\uffff".repeat(100_000))).length < 64 * 1024);
});

test("what can't be read is no reason", () => {
  assert.deepEqual([reasonIn(undefined), reasonIn("%E0%A4%A")], [null, null]);
});
