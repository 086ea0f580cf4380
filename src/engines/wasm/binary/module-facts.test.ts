import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Feature } from "./features.ts";
import { type ModuleFacts, readModule } from "./module-facts.ts";
import {
  assemble,
  command,
  END,
  type Entry,
  EXTERNREF,
  F64,
  FUNCREF,
  functionType,
  I32,
  I64,
  importEntry,
  NO_TYPE,
  ONE_PAGE,
  type Parts,
  text,
  V128,
} from "./testing/assembler.ts";
import { isValid } from "./testing/v8.ts";

function factsOf(bytes: Uint8Array): ModuleFacts {
  const read = readModule(bytes);
  assert(read.ok, read.ok ? "" : read.failure.message);
  return read.value;
}

const DROP = 0x1a;
const UNREACHABLE = 0x00;

test("imports and exports have their kinds and types", () => {
  const facts = factsOf(
    assemble({
      types: [functionType([I32, I64], [I32]), functionType([], [I32, F64])],
      imports: [
        importEntry("a", "f", 0, 0),
        importEntry("a", "t", 1, FUNCREF, 0, 3),
        importEntry("a", "m", 2, 1, 1, 2),
        importEntry("a", "g", 3, 0x63, 0, 1),
        importEntry("ü", "e", 4, 0, 0),
      ],
      functions: [1],
      exports: [
        [...text("f"), 0, 1],
        [...text("g"), 3, 0],
      ],
      code: [[UNREACHABLE]],
    }),
  );
  assert.deepEqual(facts.imports, [
    { module: "a", name: "f", kind: "function", type: "(i32, i64) -> i32" },
    { module: "a", name: "t", kind: "table", type: "funcref" },
    { module: "a", name: "m", kind: "memory", type: "memory" },
    { module: "a", name: "g", kind: "global", type: "(ref null 0)" },
    { module: "ü", name: "e", kind: "tag", type: "(i32, i64) -> i32" },
  ]);
  assert.deepEqual(facts.exports, [
    { name: "f", kind: "function", index: 1, type: "() -> (i32, f64)" },
    { name: "g", kind: "global", index: 0, type: "" },
  ]);
  assert.deepEqual(facts.memories, [{ minPages: 1, maxPages: 2, isShared: false, is64: false }]);
  assert.deepEqual(facts.tables, [{ type: "funcref", min: 3, max: null, is64: false }]);
  assert.equal(facts.functionCount, 1);
});

test("memories, tables and globals are told apart by their limits and types", () => {
  const bytes = assemble({
    tables: [
      [EXTERNREF, 1, 1, 2],
      [0x40, 0, FUNCREF, 0, 1, 0xd0, FUNCREF, END],
    ],
    memories: [
      [3, 1, 4],
      [4, 1],
    ],
    globals: [
      [I64, 1, 0x42, 5, END],
      [V128, 0, 0xfd, 12, ...Array.from({ length: 16 }, () => 0x0b), END],
    ],
  });
  assert(isValid(bytes));
  const { memories, tables, globals, features } = factsOf(bytes);
  assert.deepEqual(memories, [
    { minPages: 1, maxPages: 4, isShared: true, is64: false },
    { minPages: 1, maxPages: null, isShared: false, is64: true },
  ]);
  assert.deepEqual(tables, [
    { type: "externref", min: 1, max: 2, is64: false },
    { type: "funcref", min: 1, max: null, is64: false },
  ]);
  assert.deepEqual(globals, [
    { type: "i64", isMutable: true },
    { type: "v128", isMutable: false },
  ]);
  for (const feature of ["shared memory", "memory64", "multi-memory", "SIMD", "reference types"] as const)
    assert(features.includes(feature), feature);
});

test("segments, the start function, names and producers are counted and told", () => {
  const producers = [1, ...text("language"), 2, ...text("C99"), ...text(""), ...text("Go"), ...text("1.26")];
  const bytes = command([], {
    tables: [[FUNCREF, 0, 9]],
    start: 0,
    elements: [
      [0, 0x41, 0, END, 1, 0],
      [1, 0, 1, 0],
      [2, 0, 0x41, 0, END, 0, 1, 0],
      [3, 0, 1, 0],
      [4, 0x41, 0, END, 1, 0xd2, 0, END],
      [5, FUNCREF, 1, 0xd0, FUNCREF, END],
      [6, 0, 0x41, 0, END, FUNCREF, 1, 0xd2, 0, END],
      [7, FUNCREF, 1, 0xd2, 0, END],
    ],
    dataCount: 3,
    data: [
      [0, 0x41, 0, END, 2, 1, 2],
      [1, 0],
      [2, 0, 0x41, 0, END, 1, 9],
    ],
    custom: [
      { name: "name", bytes: [] },
      { name: "producers", bytes: producers },
    ],
  });
  assert(isValid(bytes));
  const facts = factsOf(bytes);
  assert.deepEqual([facts.elementCount, facts.dataCount, facts.hasStart, facts.hasNames], [8, 3, true, true]);
  assert.deepEqual(facts.producers, ["language C99", "language Go 1.26"]);
});

test("a damaged list of producers makes no module invalid", () => {
  const bytes = command([], { custom: [{ name: "producers", bytes: [1, ...text("language"), 9, ...text("C99"), ...text("1"), 0xff] }] });
  assert(isValid(bytes));
  assert.deepEqual(factsOf(bytes).producers, ["language C99 1"]);
});

test("a signature of a thousand parameters is cut, and still is a signature", () => {
  const facts = factsOf(
    assemble({
      types: [
        functionType(
          Array.from({ length: 1000 }, () => I32),
          [],
        ),
      ],
      imports: [importEntry("a", "b", 0, 0)],
    }),
  );
  assert.match(facts.imports[0]!.type, /^\((i32, ){16}984 more\) -> \(\)$/);
});

describe("features are found where they occur", () => {
  const withTables: Parts = { tables: [[FUNCREF, 0, 1]], elements: [[1, 0, 1, 0]], dataCount: 1, data: [[1, 1, 0]] };
  const i32 = (value: number): number[] => [0x41, value];
  const nullFunction = [0xd0, FUNCREF];
  const cases: readonly (readonly [Feature, Entry, Parts?])[] = [
    ["data.drop", [0xfc, 9, 0], withTables],
    ["data.drop", [0xfc, 0x89, 0x80, 0x80, 0x80, 0x00, 0], withTables],
    ["elem.drop", [0xfc, 13, 0], withTables],
    ["memory.grow", [...i32(1), 0x40, 0, DROP]],
    ["table mutation", [...i32(0), ...nullFunction, 0x26, 0], withTables],
    ["table mutation", [...nullFunction, ...i32(0), 0xfc, 15, 0, DROP], withTables],
    ["table mutation", [...i32(0), ...nullFunction, ...i32(0), 0xfc, 17, 0], withTables],
    ["table mutation", [...i32(0), ...i32(0), ...i32(0), 0xfc, 14, 0, 0], withTables],
    ["table mutation", [...i32(0), ...i32(0), ...i32(0), 0xfc, 12, 0, 0], withTables],
    ["bulk memory", [...i32(0), ...i32(0), ...i32(0), 0xfc, 11, 0]],
    ["atomics", [0xfe, 3, 0]],
    ["shared memory", [], { memories: [[3, 1, 1]] }],
    ["exceptions", [0x08, 0], { tags: [[0, 0]] }],
    ["exceptions", [], { tags: [[0, 0]] }],
    ["exceptions", [0x1f, 0x40, 1, 2, 0, END]],
    ["legacy exceptions", [0x06, 0x40, 0x19, END]],
    ["legacy exceptions", [0x06, 0x40, 0x18, 0]],
    ["GC", [...i32(1), 0xfb, 28, DROP]],
    ["GC", [], { globals: [[0x6e, 0, 0x41, 0, 0xfb, 28, END]] }],
    ["GC", [], { types: [NO_TYPE, [0x4e, 2, 0x50, 0, 0x5f, 1, 0x78, 1, 0x4f, 1, 1, 0x5f, 2, 0x78, 1, I32, 0]] }],
    ["tail calls", [0x12, 0]],
    ["SIMD", [...i32(0), 0xfd, 15, DROP]],
    ["relaxed SIMD", [UNREACHABLE, 0xfd, 0x80, 0x02, DROP]],
    ["sign extension", [...i32(0), 0xc0, DROP]],
    ["saturating conversion", [0x44, 0, 0, 0, 0, 0, 0, 0, 0, 0xfc, 2, DROP]],
    ["reference types", [...nullFunction, DROP]],
    ["function references", [UNREACHABLE, 0x14, 0]],
    ["multi-memory", [...i32(0), 0x28, 0x42, 1, 0, DROP], { memories: [ONE_PAGE, ONE_PAGE] }],
    ["multi-memory", [UNREACHABLE, 0xfd, 0x54, 0x40, 1, 0, 0, DROP], { memories: [ONE_PAGE, ONE_PAGE] }],
    ["memory64", [0x42, 0, 0x28, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, DROP], { memories: [[4, 1]] }],
  ];
  for (const [feature, instructions, parts] of cases) {
    test(`${feature} in ${instructions.map((byte) => byte.toString(16)).join(" ") || "its types"}`, () => {
      const bytes = command(instructions, parts);
      assert(isValid(bytes), "V8 refuses the module");
      assert(factsOf(bytes).features.includes(feature), factsOf(bytes).features.join(", "));
    });
  }

  test("and not where bytes only look like them", () => {
    const bytes = command([...i32(0xfc - 0x80), DROP, 0x42, 0xc0, 0x00, DROP, 0x44, 0xfc, 9, 0, 0xfc, 13, 0, 0x40, 0, DROP]);
    assert.deepEqual(factsOf(bytes).features, []);
  });

  test("instructions that nobody knows are named, with their prefix", () => {
    assert.deepEqual(factsOf(command([0x27])).features, ["unknown 0x27"]);
    assert.deepEqual(factsOf(command([0xfb, 0xff, 0x01])).features, ["unknown 0xfb 0xff"]);
    assert.deepEqual(factsOf(command([0xfe, 0xff, 0xff, 0xff, 0xff, 0x0f])).features, ["unknown 0xfe 0xffffffff"]);
  });

  test("what comes after an unknown instruction is not guessed at, in the next function it is", () => {
    const bytes = assemble({
      types: [NO_TYPE],
      functions: [0, 0],
      code: [
        [0x27, 0xfc, 13, 0],
        [0xfc, 9, 0],
      ],
    });
    assert.deepEqual(factsOf(bytes).features, ["bulk memory", "data.drop", "unknown 0x27"]);
  });

  test("of ten thousand unknown instructions the first are named", () => {
    const count = 10_000;
    const code = Array.from({ length: count }, (_, index) => [0xfb, 0x80 | (index & 0x7f), 0x80 | ((index >> 7) & 0x7f), 1]);
    const bytes = assemble({ types: [NO_TYPE], functions: code.map(() => 0), code });
    assert.equal(factsOf(bytes).features.length, 16);
  });
});
