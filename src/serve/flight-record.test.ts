import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createFlightRecord, flightKey, readFlightRecord } from "./flight-record.ts";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flight-"));
  file = join(folder, "nested", "worker.flight");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("the record names what runs in every lane", () => {
  const record = createFlightRecord(file, 4);
  record.enter(0, "api/users/[id]");
  record.enter(2, "größe");
  assert.deepEqual(readFlightRecord(file), ["api/users/[id]", "größe"]);
  record.leave(2);
  assert.deepEqual(readFlightRecord(file), ["api/users/[id]"]);
  record.close();
});

test("leaving the loop lane keeps the name until the worker rests", () => {
  const record = createFlightRecord(file, 1);
  record.enter(0, "hello");
  record.leave(0);
  assert.deepEqual(readFlightRecord(file), ["hello"]);
  record.rest();
  assert.deepEqual(readFlightRecord(file), []);
  record.enter(0, "hello");
  assert.deepEqual(readFlightRecord(file), ["hello"]);
  record.close();
});

test("the same function again writes nothing", () => {
  const record = createFlightRecord(file, 1);
  record.enter(0, "hello");
  const size = statSync(file).size;
  // Whoever overwrites the file behind the record's back sees whether it writes again.
  writeFileSync(file, new Uint8Array(size), { flag: "r+" });
  record.enter(0, "hello");
  assert.deepEqual(readFlightRecord(file), []);
  record.enter(0, "other");
  assert.deepEqual(readFlightRecord(file), ["other"]);
  record.close();
});

test("a shorter name after a longer one is read whole", () => {
  const record = createFlightRecord(file, 1);
  record.enter(0, "a-rather-long-name");
  record.enter(0, "b");
  assert.deepEqual(readFlightRecord(file), ["b"]);
  record.close();
});

test("an id too long for a slot is recorded by its digest", () => {
  const id = "x".repeat(4_000);
  const record = createFlightRecord(file, 2);
  record.enter(1, id);
  assert.deepEqual(readFlightRecord(file), [flightKey(id)]);
  assert.match(flightKey(id), /^sha256:[0-9a-f]{64}$/);
  record.close();
});

test("more concurrent calls than slots are not recorded and harm nothing", () => {
  const record = createFlightRecord(file, 1);
  record.enter(7, "late");
  record.leave(7);
  assert.deepEqual(readFlightRecord(file), []);
  assert.equal(readFileSync(file).length, 256);
  record.close();
});

test("a missing or mangled record accuses nobody", () => {
  assert.deepEqual(readFlightRecord(join(folder, "absent")), []);
  const mangled = join(folder, "mangled");
  writeFileSync(mangled, Buffer.alloc(700, 0xff));
  assert.deepEqual(readFlightRecord(mangled), []);
});
