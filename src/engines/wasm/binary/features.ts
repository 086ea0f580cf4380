/**
 * Features: what a module uses beyond the first WebAssembly, one bit each, so that
 * the scan of its code sets them without a branch. The names are shown to people.
 */
export const FEATURE = {
  bulkMemory: 1 << 0,
  dataDrop: 1 << 1,
  elemDrop: 1 << 2,
  memoryGrow: 1 << 3,
  tableMutation: 1 << 4,
  sharedMemory: 1 << 5,
  atomics: 1 << 6,
  exceptions: 1 << 7,
  legacyExceptions: 1 << 8,
  gc: 1 << 9,
  tailCalls: 1 << 10,
  simd: 1 << 11,
  relaxedSimd: 1 << 12,
  multiMemory: 1 << 13,
  memory64: 1 << 14,
  referenceTypes: 1 << 15,
  functionReferences: 1 << 16,
  signExtension: 1 << 17,
  saturatingConversion: 1 << 18,
  wideArithmetic: 1 << 19,
} as const;

export type FeatureName = keyof typeof BITS_BY_NAME;

const BITS_BY_NAME = {
  "bulk memory": FEATURE.bulkMemory,
  "data.drop": FEATURE.dataDrop,
  "elem.drop": FEATURE.elemDrop,
  "memory.grow": FEATURE.memoryGrow,
  "table mutation": FEATURE.tableMutation,
  "shared memory": FEATURE.sharedMemory,
  atomics: FEATURE.atomics,
  exceptions: FEATURE.exceptions,
  "legacy exceptions": FEATURE.legacyExceptions,
  GC: FEATURE.gc,
  "tail calls": FEATURE.tailCalls,
  SIMD: FEATURE.simd,
  "relaxed SIMD": FEATURE.relaxedSimd,
  "multi-memory": FEATURE.multiMemory,
  memory64: FEATURE.memory64,
  "reference types": FEATURE.referenceTypes,
  "function references": FEATURE.functionReferences,
  "sign extension": FEATURE.signExtension,
  "saturating conversion": FEATURE.saturatingConversion,
  "wide arithmetic": FEATURE.wideArithmetic,
} as const;

export type Feature = FeatureName | `unknown 0x${string}`;

/** A hostile module could have millions of them; people need the first. */
const UNKNOWN_MAX = 16;

/** What was met so far; filled by the scan of types and code. */
export class FoundFeatures {
  bits = 0;
  readonly #unknown = new Set<number>();

  /** An opcode, with its prefix in the higher bits. */
  addUnknown(prefix: number, code: number): void {
    if (this.#unknown.size < UNKNOWN_MAX) this.#unknown.add(prefix === 0 ? code : prefix * 2 ** 32 + code);
  }

  list(): Feature[] {
    const known = (Object.entries(BITS_BY_NAME) as [FeatureName, number][])
      .filter(([, bit]) => (this.bits & bit) !== 0)
      .map(([name]) => name);
    return [...known, ...[...this.#unknown].map(unknownName)];
  }
}

function unknownName(key: number): Feature {
  const hex = (code: number): string => code.toString(16).padStart(2, "0");
  const prefix = Math.floor(key / 2 ** 32);
  return prefix === 0 ? `unknown 0x${hex(key)}` : `unknown 0x${hex(prefix)} 0x${hex(key % 2 ** 32)}`;
}
