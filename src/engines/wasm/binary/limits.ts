/**
 * Limits of memories and tables, both ways (core specification 3.0, section
 * 5.3.12), and how many of a thing a module may have: the numbers on which all
 * browsers agreed (WebAssembly JavaScript interface, "Implementation-defined
 * Limits"). V8 compiles nothing beyond them, and they bound what reading costs.
 */
import { type ByteReader, Malformed, unsignedLeb } from "./byte-reader.ts";
import { SECTION } from "./sections.ts";

export interface Limits {
  readonly min: number;
  readonly max: number | null;
  readonly isShared: boolean;
  readonly is64: boolean;
}

export interface LimitsRead extends Limits {
  /** Offsets in the module. */
  readonly start: number;
  readonly end: number;
}

const MILLION = 1_000_000;

/** By section; none for custom sections, nor for elements, whose sizes their bytes bound. */
export const COUNT_MAX: Readonly<Record<number, number>> = {
  [SECTION.type]: MILLION,
  [SECTION.import]: MILLION,
  [SECTION.function]: MILLION,
  [SECTION.table]: 100_000,
  [SECTION.memory]: 100_000,
  [SECTION.global]: MILLION,
  [SECTION.export]: MILLION,
  [SECTION.element]: 10 * MILLION,
  [SECTION.code]: MILLION,
  [SECTION.data]: 100_000,
  [SECTION.dataCount]: 100_000,
  [SECTION.tag]: MILLION,
};
/** Parameters, and results. */
export const VALUES_MAX = 1000;

const HAS_MAX = 1;
const SHARED = 2;
const IS_64 = 4;

export function readLimits(reader: ByteReader, max32: number, max64: number): LimitsRead {
  const start = reader.at;
  const flags = reader.u8("limits");
  if (flags > (HAS_MAX | SHARED | IS_64)) throw new Malformed(start, "the flags of limits, at most 7");
  const is64 = (flags & IS_64) !== 0;
  const highest = is64 ? max64 : max32;
  const min = readSize(reader, is64, highest);
  const { at } = reader;
  const max = (flags & HAS_MAX) === 0 ? null : readSize(reader, is64, highest);
  const isShared = (flags & SHARED) !== 0;
  if (isShared && max === null) throw new Malformed(start, "a maximum, which shared memories have to have");
  if (max !== null && max < min) throw new Malformed(at, `a maximum of at least ${min}`);
  return { min, max, isShared, is64, start, end: reader.at };
}

function readSize(reader: ByteReader, is64: boolean, highest: number): number {
  const { at } = reader;
  const size = is64 ? reader.u64("a size") : reader.u32("a size");
  if (size > highest) throw new Malformed(at, `a size of at most ${highest}`);
  return size;
}

export function encodedLimits({ min, max, isShared, is64 }: Limits): Uint8Array {
  const flags = (max === null ? 0 : HAS_MAX) | (isShared ? SHARED : 0) | (is64 ? IS_64 : 0);
  return Uint8Array.from([flags, ...unsignedLeb(min), ...(max === null ? [] : unsignedLeb(max))]);
}
