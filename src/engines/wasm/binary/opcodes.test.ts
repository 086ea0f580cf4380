/**
 * The table of opcodes against V8: whatever V8 accepts has exactly the length
 * that we think, or a module could hide an instruction from the scan.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { unsignedLeb } from "./byte-reader.ts";
import { readModule } from "./module-facts.ts";
import { PLAIN, PREFIXED, SHAPE } from "./opcodes.ts";
import { assemble, type Entry, exportEntry, functionType, I32, NO_TYPE, ONE_PAGE } from "./testing/assembler.ts";
import { isValid } from "./testing/v8.ts";

const UNREACHABLE = 0x00;
const END = 0x0b;
const DROP = 0x1a;
const VOID = 0x40;
const ANY = 0x6e;
const FUNC = 0x70;
/** Comes after: v128.const, drop, return. Whoever takes its first bytes for something else meets 0x27, which is no instruction. */
const GUARD = [0xfd, 0x0c, ...Array.from({ length: 16 }, () => 0x27), DROP, 0x0f];

/** Types 0 to 4: a function, a struct with a packed field, an array of bytes, one of functions, the function's that is tried. */
const SURROUNDINGS = {
  types: [NO_TYPE, [0x5f, 2, 0x7f, 1, 0x78, 1], [0x5e, 0x78, 1], [0x5e, 0x70, 1], functionType([I32], [])],
  functions: [0, 4],
  tables: [[0x70, 0, 4]],
  memories: [ONE_PAGE],
  tags: [[0, 0]],
  globals: [[0x7f, 1, 0x41, 0, END]],
  exports: [exportEntry("f", "function", 0)],
  elements: [[5, FUNC, 1, 0xd2, 0, END]],
  dataCount: 1,
  data: [[1, 1, 0]],
};

const numbers = (count: number): number[][] => Array.from({ length: count }, (_, index) => [index]);
const pairs = numbers(4).flatMap(([first]) => numbers(4).map(([second]) => [first!, second!]));
const memoryArguments = numbers(5).map(([align]) => [align!, 0]);

/** What may follow an opcode, by its shape. */
const CANDIDATES: Readonly<Record<number, readonly Entry[]>> = {
  [SHAPE.none]: [[]],
  [SHAPE.block]: [[VOID]],
  [SHAPE.end]: [[]],
  [SHAPE.index]: numbers(4),
  [SHAPE.twoIndices]: pairs,
  [SHAPE.delegate]: [[0]],
  [SHAPE.labels]: [[2, 0, 0, 0]],
  [SHAPE.types]: [[1, 0x7f]],
  [SHAPE.tryTable]: [[VOID, 2, 0, 0, 0, 2, 0]],
  [SHAPE.memory]: memoryArguments,
  [SHAPE.memoryLane]: memoryArguments.map((argument) => [...argument, 0]),
  [SHAPE.s32]: [[0x80, 0x7f]],
  [SHAPE.s64]: [[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]],
  [SHAPE.byte]: [[0]],
  [SHAPE.bytes4]: [[1, 2, 3, 4]],
  [SHAPE.bytes8]: [[1, 2, 3, 4, 5, 6, 7, 8]],
  [SHAPE.bytes16]: [Array.from({ length: 16 }, (_, index) => index)],
  [SHAPE.heapType]: [[ANY], [FUNC]],
  [SHAPE.castBranch]: [[3, 0, ANY, ANY]],
};
const ALL_CANDIDATES = Object.values(CANDIDATES).flat();

/** Where an instruction may stand: [before, after]. */
const PLACES: readonly (readonly [Entry, Entry])[] = [
  [[UNREACHABLE], []],
  [
    [0x02, FUNC, UNREACHABLE],
    [END, DROP],
  ],
  [
    [0x02, ANY, UNREACHABLE],
    [END, DROP],
  ],
  [[UNREACHABLE, 0x04, VOID], [END]],
  [[0x06, VOID], [END]],
  [[0x06, VOID, 0x19], [END]],
  [[0x06, VOID], []],
];
/** Opens a block, or closes one. */
const OPENED: readonly (readonly [Entry, Entry])[] = [[[UNREACHABLE], [END]]];
const CLOSED: readonly (readonly [Entry, Entry])[] = [[[0x02, VOID], []]];

function moduleWith(opcode: Entry, immediates: Entry, [before, after]: readonly [Entry, Entry]): Uint8Array {
  return assemble({ ...SURROUNDINGS, code: [[], [...before, ...opcode, ...immediates, ...GUARD, ...after]] });
}

function placesOf(shape: number): typeof PLACES {
  if (shape === SHAPE.block || shape === SHAPE.tryTable) return OPENED;
  return shape === SHAPE.end ? CLOSED : PLACES;
}

function checkKnown(opcode: Entry, shape: number, label: string): void {
  const places = placesOf(shape);
  const accepted = CANDIDATES[shape]!.flatMap((immediates) =>
    places.filter((place) => isValid(moduleWith(opcode, immediates, place))).map((place) => ({ immediates, place })),
  );
  assert.notEqual(accepted.length, 0, `${label}: V8 takes it in no form`);
  for (const { immediates, place } of accepted) {
    const bytes = moduleWith(opcode, immediates, place);
    for (let length = 0; length < immediates.length; length++)
      assert(!isValid(moduleWith(opcode, immediates.slice(0, length), place)), `${label}: V8 reads only ${length} bytes after it`);
    const read = readModule(bytes);
    assert(read.ok, `${label}: ${read.ok ? "" : read.failure.message}`);
    assert.deepEqual(
      read.value.features.filter((name) => name.startsWith("unknown")),
      [],
      label,
    );
  }
}

function checkUnknown(opcode: Entry, label: string): void {
  for (const immediates of ALL_CANDIDATES)
    for (const place of PLACES) assert(!isValid(moduleWith(opcode, immediates, place)), `${label}: V8 knows it, followed by ${immediates}`);
}

/** V8 keeps these from modules unless a flag allows them. */
const BEHIND_A_FLAG: readonly string[] = ["0xfc 19", "0xfc 20", "0xfc 21", "0xfc 22"];

function check(opcode: Entry, shape: number, label: string): void {
  if (shape === SHAPE.unknown || BEHIND_A_FLAG.includes(label)) checkUnknown(opcode, label);
  else checkKnown(opcode, shape, label);
}

test("every opcode of one byte is known to us as V8 knows it", () => {
  for (let opcode = 0; opcode < 256; opcode++) {
    const shape = PLAIN.shapes[opcode]!;
    if (shape !== SHAPE.prefix) check([opcode], shape, `0x${opcode.toString(16)}`);
  }
});

for (const [index, { shapes }] of PREFIXED.entries()) {
  const prefix = 0xfb + index;
  const name = `0x${prefix.toString(16)}`;
  test(`every opcode after ${name} is known to us as V8 knows it`, () => {
    for (let code = 0; code < shapes.length + 32; code++)
      check([prefix, ...unsignedLeb(code)], shapes[code] ?? SHAPE.unknown, `${name} ${code}`);
  });
}
