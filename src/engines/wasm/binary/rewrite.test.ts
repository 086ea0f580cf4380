import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EXPORTED } from "../../../../guest/wasi/exported-names.ts";
import { Image } from "../../../../guest/wasi/image.ts";
import { MIB } from "../../../base/units.ts";
import { type ModuleFacts, readModule } from "./module-facts.ts";
import { type RewrittenModule, rewriteModule, TABLE_ENTRIES_MAX } from "./rewrite.ts";
import { SECTION } from "./sections.ts";
import {
  assemble,
  command,
  END,
  exportEntry,
  F64,
  FUNCREF,
  functionType,
  HEADER,
  I32,
  importEntry,
  NO_TYPE,
  ONE_PAGE,
  section,
  text,
} from "./testing/assembler.ts";
import { instantiate, isValid, v8 } from "./testing/v8.ts";

const PAGE_BYTES = 64 * 1024;
const counter = [I32, 1, 0x41, 7, END];
const constant = [I32, 0, 0x41, 7, END];

function rewritten(bytes: Uint8Array, memoryMaxBytes = MIB): RewrittenModule {
  const result = rewriteModule(bytes, { memoryMaxBytes });
  assert(result.ok, result.ok ? "" : result.failure.message);
  assert(isValid(result.value.bytes), "V8 refuses what was made of it");
  const read = readModule(result.value.bytes);
  assert(read.ok);
  assert.deepEqual(result.value.facts, read.value, "the facts are those of the new bytes");
  return result.value;
}

function failureOf(bytes: Uint8Array, memoryMaxBytes = MIB): { code: string; message: string; hint?: string } {
  const result = rewriteModule(bytes, { memoryMaxBytes });
  assert(!result.ok, "it was taken");
  return result.failure;
}

const exportNames = ({ exports }: ModuleFacts): string[] => exports.map(({ name }) => name);

test("the names of exported state are those that modules on disk have", () => {
  assert.deepEqual(EXPORTED, { global: "pilotlight:global:", table: "pilotlight:table:", memory: "pilotlight:memory:" });
});

describe("memory", () => {
  test("without a maximum gets the limit as one, and can't grow past it", () => {
    const { facts, bytes } = rewritten(command(), MIB + 1);
    assert.deepEqual(facts.memories, [{ minPages: 1, maxPages: MIB / PAGE_BYTES, isShared: false, is64: false }]);
    const memory = instantiate(bytes).exports["memory"] as { grow(pages: number): number };
    memory.grow(15);
    assert.throws(() => memory.grow(1), RangeError);
  });

  test("keeps a maximum that is below the limit, and loses one above it", () => {
    assert.equal(rewritten(command([], { memories: [[1, 1, 3]] })).facts.memories[0]!.maxPages, 3);
    assert.equal(rewritten(command([], { memories: [[1, 1, 99]] })).facts.memories[0]!.maxPages, 16);
    assert.equal(rewritten(command([], { memories: [[3, 1, 99]] })).facts.memories[0]!.maxPages, 16);
  });

  test("of 32 bits has no more than 4 GiB, of 64 bits as much as the limit", () => {
    assert.equal(rewritten(command(), 2 ** 40).facts.memories[0]!.maxPages, 65536);
    assert.equal(rewritten(command([], { memories: [[4, 1]] }), 2 ** 33).facts.memories[0]!.maxPages, 2 ** 17);
  });

  test("that begins above the limit is refused, with both sizes", () => {
    const { code, message, hint } = failureOf(command([], { memories: [[0, 17]] }));
    assert.equal(code, "MEMORY_LIMIT_TOO_SMALL");
    assert.equal(message, "the module begins with 1.1 MiB of memory (1114112 bytes), and its limit is 1 MiB");
    assert.match(hint!, /Raise its memory limit to 1114112/);
  });

  test("in several parts stays within the limit as a whole", () => {
    const { facts } = rewritten(command([], { memories: [ONE_PAGE, [0, 3], [1, 0, 2]] }));
    assert.deepEqual(
      facts.memories.map(({ maxPages }) => maxPages),
      [5, 7, 2],
    );
    assert.equal(failureOf(command([], { memories: [ONE_PAGE, [0, 16]] })).code, "MEMORY_LIMIT_TOO_SMALL");
  });
});

describe("tables", () => {
  test("are capped together, and keep a lower maximum", () => {
    const tables = [
      [FUNCREF, 0, 1],
      [FUNCREF, 1, 3, 9],
    ];
    const { facts } = rewritten(command([], { tables }));
    assert.deepEqual(
      facts.tables.map(({ max }) => max),
      [1 + (TABLE_ENTRIES_MAX - 4) / 2, 9],
    );
  });

  test("that begin beyond every use are refused", () => {
    const half = [FUNCREF, 0, 0x80, 0xad, 0xe2, 0x04];
    assert.equal(failureOf(command([], { tables: [half, [FUNCREF, 0, 1]] })).code, "TABLES_TOO_LARGE");
  });

  test("are exported only where code can change them", () => {
    const tables = [[FUNCREF, 0, 1]];
    assert(!exportNames(rewritten(command([], { tables })).facts).includes("pilotlight:table:0"));
    const changing = rewritten(command([0x41, 0, 0xd0, FUNCREF, 0x26, 0], { tables }));
    assert(exportNames(changing.facts).includes("pilotlight:table:0"));
  });

  test("keep their first value", () => {
    const withValue = [0x40, 0, FUNCREF, 0, 2, 0xd2, 0, END];
    const { bytes } = rewritten(command([], { tables: [withValue], exports: [exportEntry("t", "table", 0)] }));
    const table = instantiate(bytes).exports["t"] as { length: number; get(index: number): unknown };
    assert.equal(table.length, 2);
    assert.equal(typeof table.get(1), "function");
  });
});

describe("state", () => {
  test("every memory and every mutable global is exported after the module's own exports", () => {
    const { facts } = rewritten(command([], { globals: [constant, counter, constant, counter], memories: [ONE_PAGE, ONE_PAGE] }));
    assert.deepEqual(exportNames(facts), [
      "_start",
      "memory",
      "pilotlight:memory:0",
      "pilotlight:memory:1",
      "pilotlight:global:1",
      "pilotlight:global:3",
    ]);
  });

  test("a module can't pass off something else under our names", () => {
    const exports = [
      exportEntry("pilotlight:global:0", "global", 1),
      exportEntry("_start", "function", 0),
      exportEntry("pilotlight:memory:0", "function", 0),
      exportEntry("pilotlight:table:9", "global", 0),
      exportEntry("pilotlight:other", "function", 0),
    ];
    const { facts } = rewritten(command([], { globals: [counter, constant], exports }));
    assert.deepEqual(
      facts.exports.map(({ name, kind, index }) => [name, kind, index]),
      [
        ["_start", "function", 0],
        ["pilotlight:other", "function", 0],
        ["pilotlight:memory:0", "memory", 0],
        ["pilotlight:global:0", "global", 0],
      ],
    );
  });

  test("a module without exports gets a section for them in its place", () => {
    const parts = { types: [NO_TYPE], functions: [0], globals: [counter], start: 0, code: [[]] };
    assert.deepEqual(exportNames(rewritten(assemble(parts)).facts), ["pilotlight:global:0"]);
    assert.deepEqual(exportNames(rewritten(assemble({ globals: [counter] })).facts), ["pilotlight:global:0"]);
    const customFirst = [...HEADER, ...section(SECTION.custom, text("a")), ...assemble({ memories: [ONE_PAGE] }).subarray(HEADER.length)];
    assert.deepEqual(exportNames(rewritten(Uint8Array.from(customFirst)).facts), ["pilotlight:memory:0"]);
  });

  test("a module without state stays as it is", () => {
    const bytes = assemble({ types: [NO_TYPE], functions: [0], code: [[]] });
    assert.deepEqual(rewritten(bytes).bytes, bytes);
    assert.deepEqual(rewritten(Uint8Array.from(HEADER)).bytes, Uint8Array.from(HEADER));
  });

  test("too much of it to be put back isn't exported", () => {
    const globals = Array.from({ length: 2000 }, () => counter);
    assert.deepEqual(exportNames(rewritten(command([], { globals })).facts), ["_start", "memory"]);
  });

  test("an image puts back memory, globals and tables of the rewritten module", () => {
    // memory[0] += 1, global += 1.5, table[0] = the function itself
    const instructions = [0x41, 0, 0x41, 0, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0];
    const add = [0x23, 0, 0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0xa0, 0x24, 0];
    const bytes = command([...instructions, ...add, 0x41, 0, 0xd2, 0, 0x26, 0], {
      globals: [[F64, 1, 0x44, 0, 0, 0, 0, 0, 0, 0, 0, END]],
      tables: [[FUNCREF, 0, 1]],
      elements: [[3, 0, 1, 0]],
    });
    const { exports } = instantiate(rewritten(bytes).bytes);
    const state = (): unknown[] => [
      new Uint8Array((exports["memory"] as { buffer: ArrayBuffer }).buffer)[0],
      (exports["pilotlight:global:0"] as { value: number }).value,
      (exports["pilotlight:table:0"] as { get(index: number): unknown }).get(0) === null,
    ];
    const image = new Image(exports).bind(exports);
    (exports["_start"] as () => void)();
    assert.deepEqual(state(), [1, 1.5, false]);
    assert(image.restore());
    assert.deepEqual(state(), [0, 0, true]);
  });
});

test("what is imported and is no function is refused by name", () => {
  const imports = [
    importEntry("env", "memory", 2, 0, 1),
    importEntry("env", "__stack_pointer", 3, I32, 1),
    importEntry("wasi_snapshot_preview1", "sched_yield", 0, 0),
  ];
  const { code, message, hint } = failureOf(assemble({ types: [functionType([], [I32])], imports }));
  assert.equal(code, "UNKNOWN_IMPORT");
  assert.equal(message, "the module imports the memory env.memory, the global env.__stack_pointer, which are not provided");
  assert.match(hint!, /memory of its own/);
});

test("everything else stays byte for byte, padded sizes and custom sections too", () => {
  const custom = section(SECTION.custom, [...text("name"), 0xff, 0xff]);
  const padded = [SECTION.type, 0x84, 0x80, 0x00, 1, ...NO_TYPE];
  const rest = command().subarray(HEADER.length + section(SECTION.type, [1, ...NO_TYPE]).length);
  const bytes = Uint8Array.from([...HEADER, ...custom, ...padded, ...rest, ...custom]);
  const out = rewritten(bytes).bytes;
  const head = [...HEADER, ...custom, ...padded];
  assert.deepEqual([...out.subarray(0, head.length)], head);
  assert.deepEqual([...out.subarray(-custom.length)], custom);
  assert.equal(v8.Module.customSections(new v8.Module(out), "name").length, 2);
});

test("rewriting again changes nothing but the cap", () => {
  const bytes = command([0x41, 0, 0xd0, FUNCREF, 0x26, 0], {
    globals: [counter],
    tables: [[FUNCREF, 0, 1]],
    memories: [ONE_PAGE, ONE_PAGE],
  });
  const once = rewritten(bytes);
  assert.deepEqual(rewritten(once.bytes).bytes, once.bytes);
  const lower = rewritten(once.bytes, 4 * PAGE_BYTES);
  assert.deepEqual({ ...lower.facts, memories: [] }, { ...once.facts, memories: [] });
  assert.deepEqual(
    lower.facts.memories.map(({ maxPages }) => maxPages),
    [2, 2],
  );
});

test("what is no module is refused as the reader refuses it", () => {
  assert.equal(failureOf(Buffer.from("(module)")).code, "INVALID_MODULE");
});
