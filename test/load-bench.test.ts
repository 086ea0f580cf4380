/** The benchmark of the load generator on a tiny load, so that it cannot rot. Says nothing about speed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureClients } from "../bench/load-client.ts";

test("the load generator's benchmark measures its clients", { skip: process.platform !== "linux" && "it reads /proc" }, async () => {
  const measured = await measureClients(1, 1);
  assert.equal(measured.at(-1)!.name, "pilotlight load");
  for (const { name, perCpuSecond, perSecond } of measured) assert.ok(perCpuSecond[0]! > 0 && perSecond[0]! > 0, name);
});
