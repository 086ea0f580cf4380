/**
 * Opcodes: what follows each instruction's opcode, and which feature it belongs
 * to (core specification 3.0, section 5.4, with threads, relaxed SIMD, the older exceptions
 * and wide arithmetic). Whatever isn't listed is unknown: a guess at its length
 * would let a module hide instructions from the scan.
 */
import { FEATURE } from "./features.ts";

export const SHAPE = {
  unknown: 0,
  none: 1,
  /** Block type; opens a block. */
  block: 2,
  end: 3,
  index: 4,
  twoIndices: 5,
  /** A label; closes a block as `end` does. */
  delegate: 6,
  labels: 7,
  types: 8,
  /** Block type and catch clauses; opens a block. */
  tryTable: 9,
  memory: 10,
  memoryLane: 11,
  s32: 12,
  s64: 13,
  byte: 14,
  bytes4: 15,
  bytes8: 16,
  bytes16: 17,
  heapType: 18,
  castBranch: 19,
  prefix: 20,
} as const;

type Shape = (typeof SHAPE)[keyof typeof SHAPE];

export interface OpcodeTable {
  readonly shapes: Uint8Array;
  /** Bits of FEATURE. */
  readonly features: Uint32Array;
}

/** [first opcode, last opcode, shape, feature bits] */
type Row = readonly [number, number, Shape, number?];

function table(size: number, rows: readonly Row[]): OpcodeTable {
  const shapes = new Uint8Array(size);
  const features = new Uint32Array(size);
  for (const [first, last, shape, feature = 0] of rows) {
    shapes.fill(shape, first, last + 1);
    features.fill(feature, first, last + 1);
  }
  return { shapes, features };
}

const { referenceTypes, functionReferences, tableMutation, exceptions, bulkMemory, tailCalls, gc, simd, atomics } = FEATURE;
const olderExceptions = exceptions | FEATURE.legacyExceptions;

export const PLAIN = table(256, [
  [0x00, 0x01, SHAPE.none],
  [0x02, 0x04, SHAPE.block],
  [0x05, 0x05, SHAPE.none],
  [0x06, 0x06, SHAPE.block, olderExceptions],
  [0x07, 0x07, SHAPE.index, olderExceptions],
  [0x08, 0x08, SHAPE.index, exceptions],
  [0x09, 0x09, SHAPE.index, olderExceptions],
  [0x0a, 0x0a, SHAPE.none, exceptions],
  [0x0b, 0x0b, SHAPE.end],
  [0x0c, 0x0d, SHAPE.index],
  [0x0e, 0x0e, SHAPE.labels],
  [0x0f, 0x0f, SHAPE.none],
  [0x10, 0x10, SHAPE.index],
  [0x11, 0x11, SHAPE.twoIndices],
  [0x12, 0x12, SHAPE.index, tailCalls],
  [0x13, 0x13, SHAPE.twoIndices, tailCalls],
  [0x14, 0x14, SHAPE.index, functionReferences],
  [0x15, 0x15, SHAPE.index, functionReferences | tailCalls],
  [0x18, 0x18, SHAPE.delegate, olderExceptions],
  [0x19, 0x19, SHAPE.none, olderExceptions],
  [0x1a, 0x1b, SHAPE.none],
  [0x1c, 0x1c, SHAPE.types, referenceTypes],
  [0x1f, 0x1f, SHAPE.tryTable, exceptions],
  [0x20, 0x24, SHAPE.index],
  [0x25, 0x25, SHAPE.index, referenceTypes],
  [0x26, 0x26, SHAPE.index, referenceTypes | tableMutation],
  [0x28, 0x3e, SHAPE.memory],
  [0x3f, 0x3f, SHAPE.index],
  [0x40, 0x40, SHAPE.index, FEATURE.memoryGrow],
  [0x41, 0x41, SHAPE.s32],
  [0x42, 0x42, SHAPE.s64],
  [0x43, 0x43, SHAPE.bytes4],
  [0x44, 0x44, SHAPE.bytes8],
  [0x45, 0xbf, SHAPE.none],
  [0xc0, 0xc4, SHAPE.none, FEATURE.signExtension],
  [0xd0, 0xd0, SHAPE.heapType, referenceTypes],
  [0xd1, 0xd1, SHAPE.none, referenceTypes],
  [0xd2, 0xd2, SHAPE.index, referenceTypes],
  [0xd3, 0xd3, SHAPE.none, gc],
  [0xd4, 0xd4, SHAPE.none, functionReferences],
  [0xd5, 0xd6, SHAPE.index, functionReferences],
  [0xfb, 0xfe, SHAPE.prefix],
]);

const GC = table(31, [
  [0, 1, SHAPE.index, gc],
  [2, 5, SHAPE.twoIndices, gc],
  [6, 7, SHAPE.index, gc],
  [8, 10, SHAPE.twoIndices, gc],
  [11, 14, SHAPE.index, gc],
  [15, 15, SHAPE.none, gc],
  [16, 16, SHAPE.index, gc],
  [17, 19, SHAPE.twoIndices, gc],
  [20, 23, SHAPE.heapType, gc],
  [24, 25, SHAPE.castBranch, gc],
  [26, 30, SHAPE.none, gc],
]);

const BULK = table(23, [
  [0, 7, SHAPE.none, FEATURE.saturatingConversion],
  [8, 8, SHAPE.twoIndices, bulkMemory],
  [9, 9, SHAPE.index, bulkMemory | FEATURE.dataDrop],
  [10, 10, SHAPE.twoIndices, bulkMemory],
  [11, 11, SHAPE.index, bulkMemory],
  [12, 12, SHAPE.twoIndices, bulkMemory | tableMutation],
  [13, 13, SHAPE.index, bulkMemory | FEATURE.elemDrop],
  [14, 14, SHAPE.twoIndices, bulkMemory | tableMutation],
  [15, 15, SHAPE.index, referenceTypes | tableMutation],
  [16, 16, SHAPE.index, referenceTypes],
  [17, 17, SHAPE.index, referenceTypes | tableMutation],
  [19, 22, SHAPE.none, FEATURE.wideArithmetic],
]);

/** Numbers between instructions that the specification leaves free. */
const SIMD_FREE = [
  0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee,
] as const;

const SIMD = table(0x114, [
  [0x00, 0x0b, SHAPE.memory, simd],
  [0x0c, 0x0d, SHAPE.bytes16, simd],
  [0x0e, 0x14, SHAPE.none, simd],
  [0x15, 0x22, SHAPE.byte, simd],
  [0x23, 0x53, SHAPE.none, simd],
  [0x54, 0x5b, SHAPE.memoryLane, simd],
  [0x5c, 0x5d, SHAPE.memory, simd],
  [0x5e, 0xff, SHAPE.none, simd],
  ...SIMD_FREE.map((code) => [code, code, SHAPE.unknown] as const),
  [0x100, 0x113, SHAPE.none, simd | FEATURE.relaxedSimd],
]);

const ATOMIC = table(0x4f, [
  [0x00, 0x02, SHAPE.memory, atomics],
  [0x03, 0x03, SHAPE.byte, atomics],
  [0x10, 0x4e, SHAPE.memory, atomics],
]);

/** By prefix, from 0xfb. */
export const PREFIXED: readonly OpcodeTable[] = [GC, BULK, SIMD, ATOMIC];
export const FIRST_PREFIX = 0xfb;
