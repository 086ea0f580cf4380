import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readModule } from "./module-facts.ts";
import { SECTION } from "./sections.ts";
import { assemble, command, END, type Entry, HEADER, I32, importEntry, NO_TYPE, section, text } from "./testing/assembler.ts";
import { isValid } from "./testing/v8.ts";

function failureOf(bytes: Uint8Array | Entry): { code: string; message: string; hint?: string } {
  const read = readModule(Uint8Array.from(bytes));
  assert(!read.ok, "it was read as a module");
  assert.equal(read.failure.code, "INVALID_MODULE");
  assert(read.failure.hint, "says what to do");
  return read.failure;
}

describe("what is no module says what it is", () => {
  const cases: readonly (readonly [string, Uint8Array | Entry, RegExp, RegExp])[] = [
    ["nothing", [], /found nothing/, /preview 1/],
    ["a component", [0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], /a WebAssembly component/, /wasm32-wasip1/],
    ["text", Buffer.from("(module)"), /WebAssembly text/, /wat2wasm/],
    ["text behind comments", Buffer.from(";; one\n(; two ;)\n  (component)"), /WebAssembly text/, /wat2wasm/],
    ["a comment without an end", Buffer.from("(; a"), /WebAssembly text/, /wat2wasm/],
    ["a native program", [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], /native program/, /WebAssembly/],
    ["a compressed module", [0x1f, 0x8b, 8, 0], /gzip/, /gunzip/],
    ["a later version", [0, 0x61, 0x73, 0x6d, 2, 0, 0, 0], /format version 2/, /again/],
    ["half a header", [0, 0x61, 0x73, 0x6d, 1], /ends after 5 bytes/, /again/],
    ["a script", Buffer.from("#!/bin/sh\n"), /found 23 21 2f 62/, /preview 1/],
  ];
  for (const [name, bytes, message, hint] of cases) {
    test(name, () => {
      const failure = failureOf(bytes);
      assert.match(failure.message, message);
      assert.match(failure.hint!, hint);
    });
  }
});

describe("damage is named with its offset", () => {
  const after = (...bytes: number[]): Entry => [...HEADER, ...bytes];
  const inCode = (...instructions: number[]): Uint8Array => command(instructions);
  const cases: readonly (readonly [string, Uint8Array | Entry, RegExp])[] = [
    ["a section that is cut off", after(1, 5, 0), /byte 10: expected 5 bytes of the type section, where 1 are left/],
    ["a section without a size", after(1), /byte 9: expected the size of the type section/],
    ["a section of no kind", after(14, 0), /byte 8: expected a section's id, at most 13, found 14/],
    ["a section that comes twice", after(1, 1, 0, 1, 1, 0), /byte 11: expected no type section here/],
    ["sections out of order", after(3, 1, 0, 1, 1, 0), /byte 11: expected no type section here/],
    ["a section longer than its entries", after(1, 2, 0, 0), /byte 11: expected the end of the type section/],
    ["a size that needs six bytes", after(1, 0x80, 0x80, 0x80, 0x80, 0x80, 0), /byte 9: expected .* integer of at most 4294967295/],
    ["a size beyond 32 bits", after(1, 0xff, 0xff, 0xff, 0xff, 0x1f), /byte 9: .* integer of at most 4294967295/],
    [
      "a count of four thousand million types",
      after(1, 5, 0xff, 0xff, 0xff, 0xff, 0x0f),
      /byte 10: expected at most 1000000 entries of the type section/,
    ],
    ["a count beyond the entries", after(1, 3, 0xff, 0xff, 0x03), /byte 13: expected a type/],
    ["a custom section whose name is longer than it", after(0, 2, 5, 65), /byte 11: expected 5 bytes of a custom section's name/],
    ["a name that is not UTF-8", after(0, 2, 1, 0xff), /byte 11: expected a custom section's name in UTF-8/],
    ["a function of a type that isn't there", assemble({ types: [NO_TYPE], functions: [1], code: [[]] }), /index of a function type/],
    ["a function whose type is a struct", assemble({ types: [[0x5f, 0]], functions: [0], code: [[]] }), /index of a function type/],
    ["functions without code", assemble({ types: [NO_TYPE], functions: [0] }), /code for 1 functions, found 0/],
    ["fewer data segments than claimed", assemble({ dataCount: 2 }), /2 data segments, found 0/],
    ["a maximum below the minimum", assemble({ memories: [[1, 2, 1]] }), /a maximum of at least 2/],
    ["a memory of more than 4 GiB", assemble({ memories: [[0, 0x81, 0x80, 0x04]] }), /a size of at most 65536/],
    ["a shared memory without a maximum", assemble({ memories: [[2, 1]] }), /a maximum, which shared memories have/],
    ["limits with unknown flags", assemble({ memories: [[8, 1]] }), /flags of limits/],
    ["an export of a memory that isn't there", assemble({ exports: [[...text("memory"), 2, 0]] }), /index of a memory, below 0/],
    ["a global neither mutable nor not", assemble({ globals: [[I32, 2, 0x41, 0, END]] }), /mutability, 0 or 1/],
    ["a constant without an end", assemble({ globals: [[I32, 0, 0x41, 0]] }), /an instruction/],
    [
      "a type with 1001 parameters",
      assemble({ types: [[0x60, 0xe9, 0x07, ...Array.from({ length: 1001 }, () => I32), 0]] }),
      /at most 1000 types/,
    ],
    ["a body that ends early", inCode(END, 0x01), /the end of the function's body/],
    ["a body that ends late", inCode(0x02, 0x40), /an instruction/],
    ["an immediate beyond the body", inCode(0x44, 1, 2), /rest of an instruction/],
    ["an index of six bytes", inCode(0x10, 0x80, 0x80, 0x80, 0x80, 0x80, 0), /integer of at most 5 bytes/],
    ["a catch clause of no kind", inCode(0x1f, 0x40, 1, 9), /a catch clause/],
    ["more labels than bytes", inCode(0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f), /a label|an integer/],
    ["element segments with unknown flags", assemble({ elements: [[8]] }), /element segment's flags/],
    ["data segments with unknown flags", assemble({ data: [[3]] }), /data segment's flags/],
    ["a data segment longer than its section", assemble({ data: [[1, 9]] }), /9 bytes of a data segment/],
  ];
  for (const [name, bytes, message] of cases) {
    test(name, () => {
      assert.match(failureOf(bytes).message, /^the module is invalid at byte \d+: expected /);
      assert.match(failureOf(bytes).message, message);
      assert(!isValid(Uint8Array.from(bytes)), "V8 would take it");
    });
  }
});

for (const [name, ...rest] of [
  ["names with their types", 0x7f, 1, ...text("sched_yield"), 0, 0],
  ["names of one type", 0x7e, 0, 0, 1, ...text("sched_yield")],
] as const) {
  test(`compact imports (${name}) are named after their proposal`, () => {
    const bytes = assemble({ types: [NO_TYPE], imports: [importEntry("wasi_snapshot_preview1", "", ...rest)] });
    const { message, hint } = failureOf(bytes);
    assert.match(message, /^at byte 41, the module groups its imports as the proposal compact-import-section does/);
    assert.match(hint!, /without --enable-compact-imports/);
    assert(!isValid(bytes), "V8 would take it");
  });
}

test("an empty name of an import is one", () => {
  const read = readModule(assemble({ types: [NO_TYPE], imports: [importEntry("env", "", 0, 0)] }));
  assert(read.ok);
  assert.equal(read.value.imports[0]!.name, "");
});

test("integers may be padded to their full length, as linkers leave them", () => {
  const padded = Uint8Array.from([
    ...HEADER,
    ...section(SECTION.memory, [0x81, 0x80, 0x80, 0x80, 0x00, 0x00, 0x82, 0x80, 0x80, 0x80, 0x00]),
  ]);
  assert(isValid(padded));
  const read = readModule(padded);
  assert(read.ok);
  assert.equal(read.value.memories[0]!.minPages, 2);
});

test("ten thousand custom sections are read, and no more", () => {
  const withCustom = (count: number): Entry => [...HEADER, ...Array.from({ length: count }, () => [SECTION.custom, 1, 0]).flat()];
  assert(readModule(Uint8Array.from(withCustom(10_000))).ok);
  assert.match(failureOf(withCustom(10_001)).message, /byte 30008: expected at most 10000 custom sections/);
});

test("an empty module is one", () => {
  const read = readModule(Uint8Array.from(HEADER));
  assert(read.ok);
  assert.deepEqual(read.value.features, []);
});
