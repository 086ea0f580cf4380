/** The listener's benchmark on a tiny load, so that it cannot rot. Says nothing about speed. */
import assert from "node:assert/strict";
import test from "node:test";
import { measureListeners } from "../bench/listener.ts";

test("the listener's benchmark measures both sides", { skip: process.platform !== "linux" && "it reads /proc" }, async () => {
  const measured = await measureListeners(1, 1, 0);
  assert.ok(measured.length >= 3);
  for (const { name, requestsPerSecond } of measured) assert.ok((requestsPerSecond[0] as number) > 0, name);
});
