/**
 * Damaged modules: whatever the bytes are, an answer comes out, and V8 is of
 * one mind about a module before and after its rewrite. Damage is drawn from a seed that
 * is printed on failure.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { guest } from "../../../../test/support/guests.ts";
import fc from "../../../../test/support/properties.ts";
import { MIB } from "../../../base/units.ts";
import { checkImports } from "./check-imports.ts";
import { putBackObstacles } from "./put-back.ts";
import { rewriteModule } from "./rewrite.ts";
import { command, END, exportEntry, FUNCREF, functionType, I32, I64, NO_TYPE, V128 } from "./testing/assembler.ts";
import { isValid } from "./testing/v8.ts";

const LIMITS = { memoryMaxBytes: 64 * MIB };
const DROP = 0x1a;
const ANYREF = 0x6e;
const VECTOR = [0xfd, 0x0c, ...Array.from({ length: 16 }, (_, index) => index)];

/** Small, and of every kind of entry and immediate: random damage meets all of them. */
const DENSE = command(
  [
    // table.set, br_table in a block, data.drop, try_table
    [0x41, 0, 0xd0, FUNCREF, 0x26, 0, 0x02, 0x40, 0x41, 1, 0x0e, 1, 0, 0, END, 0xfc, 9, 0, 0x1f, 0x40, 1, 2, 0, END],
    // ref.i31, i31.get_s, struct.new_default, v128.const, v128.load8_lane, ref.null
    [
      0x41,
      1,
      0xfb,
      28,
      0xfb,
      29,
      DROP,
      0xfb,
      1,
      2,
      DROP,
      ...VECTOR,
      DROP,
      0x41,
      0,
      ...VECTOR,
      0xfd,
      0x54,
      0,
      0,
      1,
      DROP,
      0xd0,
      ANYREF,
      DROP,
    ],
  ].flat(),
  {
    types: [NO_TYPE, functionType([I32], [I64]), [0x4e, 2, 0x5f, 2, I32, 1, 0x78, 0, 0x50, 0, 0x5e, 0x78, 1]],
    tables: [
      [FUNCREF, 0, 1],
      [0x40, 0, FUNCREF, 1, 1, 5, 0xd2, 0, END],
    ],
    memories: [
      [1, 1, 9],
      [4, 1],
    ],
    tags: [[0, 0]],
    globals: [
      [I32, 1, 0x41, 7, END],
      [0x63, 2, 1, 0xd0, 2, END],
      [V128, 1, ...VECTOR, END],
    ],
    elements: [
      [0, 0x41, 0, END, 1, 0],
      [6, 0, 0x41, 0, END, 0x64, 0x70, 1, 0xd2, 0, END],
    ],
    dataCount: 1,
    data: [[1, 2, 1, 2]],
    exports: [exportEntry("_start", "function", 0), exportEntry("memory", "memory", 0), exportEntry("pilotlight:global:0", "global", 2)],
  },
);
/** What a compiler made, too, where one is. */
const compiled = await guest("c", "simd");
const SEEDS = [DENSE, ...("file" in compiled ? [new Uint8Array(readFileSync(compiled.file))] : [])];

test("the small module is one", () => {
  assert(isValid(DENSE));
});

/** Whatever comes in, an answer comes out; and what V8 takes, before, it takes after. */
function holds(bytes: Uint8Array): void {
  const result = rewriteModule(bytes, LIMITS);
  const wasValid = isValid(bytes);
  if (!result.ok) {
    const isRefusedForCause = ["UNKNOWN_IMPORT", "MEMORY_LIMIT_TOO_SMALL", "TABLES_TOO_LARGE"].includes(result.failure.code);
    assert(!wasValid || isRefusedForCause, `V8 takes it, we don't: ${result.failure.message}`);
    assert(result.failure.message.length < 10_000);
    return;
  }
  checkImports(result.value.facts);
  putBackObstacles(result.value.facts);
  assert.equal(isValid(result.value.bytes), wasValid, "V8 disagrees about it before and after");
  const again = rewriteModule(result.value.bytes, LIMITS);
  assert(again.ok);
  assert.deepEqual(again.value.bytes, result.value.bytes, "rewritten again, it changes");
}

const seed = fc.constantFrom(...SEEDS);
/** Near the front as often as anywhere: most of a real module is code. */
const place = fc.oneof(fc.integer({ min: 0, max: 400 }), fc.nat());

test("a module cut anywhere is refused or read, never a throw", () => {
  fc.assert(fc.property(seed, place, (bytes, at) => holds(bytes.subarray(0, at % (bytes.length + 1)))));
  for (let length = 0; length <= DENSE.length; length++) holds(DENSE.subarray(0, length));
});

test("a module with changed bytes is refused or read, never a throw", () => {
  const changes = fc.array(fc.tuple(place, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(seed, changes, (bytes, list) => {
      const changed = bytes.slice();
      for (const [at, value] of list) changed[at % changed.length] = value;
      holds(changed);
    }),
    { numRuns: 300 },
  );
});

test("every single byte of a small module may be another", () => {
  for (let at = 0; at < DENSE.length; at++) {
    for (let value = at % 3; value < 256; value += 3) {
      const changed = DENSE.slice();
      changed[at] = value;
      holds(changed);
    }
  }
});

test("a module with bytes put in or taken out is refused or read, never a throw", () => {
  const bytesIn = fc.uint8Array({ maxLength: 12 });
  fc.assert(
    fc.property(seed, place, fc.nat(12), bytesIn, (bytes, at, dropped, added) => {
      const start = at % bytes.length;
      holds(Uint8Array.from([...bytes.subarray(0, start), ...added, ...bytes.subarray(start + dropped)]));
    }),
    { numRuns: 200 },
  );
});

test("bytes of no meaning behind a right header are refused or read, never a throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => holds(Uint8Array.from([...DENSE.subarray(0, 8), ...bytes]))),
    { numRuns: 1000 },
  );
});
