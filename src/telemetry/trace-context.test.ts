import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { outgoingTraceparent, traceContext } from "./trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

describe("trace context", () => {
  test("continues the caller's trace with a span of our own", () => {
    const outgoing = outgoingTraceparent(traceContext(`00-${TRACE}-00f067aa0ba902b7-01`));
    assert.match(outgoing, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    assert.doesNotMatch(outgoing, /00f067aa0ba902b7/);
  });

  for (const header of [
    undefined,
    "",
    "garbage",
    `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    `00-${TRACE}-00f067aa0ba902b7-01-extra`,
  ]) {
    test(`begins a trace for ${JSON.stringify(header)}`, () => {
      const context = traceContext(header);
      assert.equal(context.parentSpanId, null);
      assert.match(context.traceId, /^[0-9a-f]{32}$/);
      assert.notEqual(context.traceId, TRACE);
    });
  }

  test("reads a later version's first four fields", () => {
    assert.equal(traceContext(`01-${TRACE}-00f067aa0ba902b7-01-more`).traceId, TRACE);
  });
});
