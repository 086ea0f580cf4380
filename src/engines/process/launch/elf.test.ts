import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readElf } from "./elf.ts";

test("an ELF file tells its machine and its loader; anything else and any stump nothing", { skip: process.platform !== "linux" }, () => {
  const head = readFileSync("/proc/self/exe").subarray(0, 4_096);
  const elf = readElf(head);
  assert.equal(elf?.machine, process.arch);
  assert.match(elf!.interpreter!, /^\/lib.*ld-/);
  for (let length = 4; length < head.length; length += 7) assert.notEqual(readElf(head.subarray(0, length)), null);
  assert.equal(readElf(Buffer.from("#!/bin/sh")), null);
  const forged = Buffer.from(head);
  forged.writeBigUInt64LE(2n ** 64n - 1n, 32);
  assert.equal(readElf(forged)?.interpreter, null);
});
