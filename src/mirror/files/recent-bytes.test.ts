import assert from "node:assert/strict";
import test from "node:test";
import { RecentBytes } from "./recent-bytes.ts";

test("the newest bytes are given as views of what came, bounded by the asked end", () => {
  const recent = new RecentBytes(100);
  const piece = Buffer.from("0123456789");
  recent.add(50, piece);
  assert.deepEqual(Buffer.from(recent.at(53, 57) as Uint8Array).toString(), "3456");
  assert.equal((recent.at(53, 1_000) as Uint8Array).buffer, piece.buffer);
  assert.equal(recent.at(49, 60), null);
  assert.equal(recent.at(60, 70), null);
});

test("older pieces go when the bound is passed", () => {
  const recent = new RecentBytes(20);
  for (let start = 0; start < 50; start += 10) recent.add(start, Buffer.alloc(10, start));
  assert.equal(recent.at(20, 30), null);
  assert.equal(recent.at(30, 40)?.[0], 30);
  assert.equal(recent.at(40, 50)?.[0], 40);
});
