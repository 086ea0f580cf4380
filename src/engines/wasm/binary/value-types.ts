/**
 * Value types of a module, read into the text format's words ("i32",
 * "(ref null 3)"), with the features that their being there shows
 * (core specification 3.0, section 5.3).
 */
import { type ByteReader, Malformed } from "./byte-reader.ts";
import { FEATURE, type FoundFeatures } from "./features.ts";

const NUMBER_TYPES: Readonly<Record<number, string>> = { 127: "i32", 126: "i64", 125: "f32", 124: "f64", 123: "v128" };

interface HeapType {
  readonly name: string;
  /** Before "ref", where that isn't the name. */
  readonly shorthand?: string;
  readonly feature: number;
}

/** By code, as a byte; each also stands alone, for the nullable reference. */
const HEAP_TYPES: Readonly<Record<number, HeapType>> = {
  112: { name: "func", feature: 0 },
  111: { name: "extern", feature: FEATURE.referenceTypes },
  110: { name: "any", feature: FEATURE.gc },
  109: { name: "eq", feature: FEATURE.gc },
  108: { name: "i31", feature: FEATURE.gc },
  107: { name: "struct", feature: FEATURE.gc },
  106: { name: "array", feature: FEATURE.gc },
  105: { name: "exn", feature: FEATURE.exceptions },
  116: { name: "noexn", shorthand: "nullexn", feature: FEATURE.exceptions },
  115: { name: "nofunc", shorthand: "nullfunc", feature: FEATURE.functionReferences },
  114: { name: "noextern", shorthand: "nullextern", feature: FEATURE.functionReferences },
  113: { name: "none", shorthand: "null", feature: FEATURE.gc },
};

const REF = 0x64;
const REF_NULL = 0x63;
const BYTE = 0x80;

export function readValueType(reader: ByteReader, found: FoundFeatures): string {
  const at = reader.at;
  const code = reader.u8("a value type");
  const number = NUMBER_TYPES[code];
  if (number !== undefined) {
    if (number === "v128") found.bits |= FEATURE.simd;
    return number;
  }
  return referenceType(reader, found, at, code);
}

export function readReferenceType(reader: ByteReader, found: FoundFeatures): string {
  const at = reader.at;
  return referenceType(reader, found, at, reader.u8("a reference type"));
}

function referenceType(reader: ByteReader, found: FoundFeatures, at: number, code: number): string {
  if (code === REF || code === REF_NULL) {
    found.bits |= FEATURE.functionReferences;
    return `(ref ${code === REF_NULL ? "null " : ""}${readHeapType(reader, found)})`;
  }
  const heap = HEAP_TYPES[code];
  if (heap === undefined) throw new Malformed(at, "a value type");
  found.bits |= heap.feature;
  return `${heap.shorthand ?? heap.name}ref`;
}

export function readHeapType(reader: ByteReader, found: FoundFeatures): string {
  const at = reader.at;
  const value = reader.s33("a heap type");
  if (value >= 0) return String(value);
  const heap = HEAP_TYPES[value + BYTE];
  if (heap === undefined) throw new Malformed(at, "a heap type");
  found.bits |= heap.feature;
  return heap.name;
}
