/**
 * Type section: signatures of functions by type index, "(i32, i64) -> i32". Structs
 * and arrays have indices too and are stepped over (core specification
 * 3.0, section 5.3.9).
 */
import { type ByteReader, Malformed } from "./byte-reader.ts";
import { FEATURE, type FoundFeatures } from "./features.ts";
import { VALUES_MAX } from "./limits.ts";
import { readValueType } from "./value-types.ts";

const FUNCTION = 0x60;
const STRUCT = 0x5f;
const ARRAY = 0x5e;
const SUB = 0x50;
const SUB_FINAL = 0x4f;
const REC = 0x4e;
const PACKED = [0x77, 0x78];
const SHOWN_MAX = 16;

/** Null for a type that is no function's. */
export function readTypes(reader: ByteReader, groupCount: number, found: FoundFeatures): (string | null)[] {
  const types: (string | null)[] = [];
  for (let left = groupCount; left > 0; left--) {
    if (reader.bytes[reader.at] !== REC) {
      types.push(readSubType(reader, found));
      continue;
    }
    reader.u8("a group of types");
    found.bits |= FEATURE.gc;
    for (let members = reader.u32("a number of types"); members > 0; members--) types.push(readSubType(reader, found));
  }
  return types;
}

function readSubType(reader: ByteReader, found: FoundFeatures): string | null {
  let at = reader.at;
  let form = reader.u8("a type");
  if (form === SUB || form === SUB_FINAL) {
    found.bits |= FEATURE.gc;
    for (let left = reader.u32("a number of supertypes"); left > 0; left--) reader.u32("a supertype's index");
    at = reader.at;
    form = reader.u8("a type");
  }
  if (form === FUNCTION) return `(${readTypeList(reader, found)}) -> ${readResults(reader, found)}`;
  if (form !== STRUCT && form !== ARRAY) throw new Malformed(at, "the form of a type: function, struct or array");
  found.bits |= FEATURE.gc;
  for (let left = form === ARRAY ? 1 : reader.u32("a number of fields"); left > 0; left--) readField(reader, found);
  return null;
}

function readField(reader: ByteReader, found: FoundFeatures): void {
  if (PACKED.includes(reader.bytes[reader.at]!)) reader.u8("a packed type");
  else readValueType(reader, found);
  reader.u8("a field's mutability");
}

function readResults(reader: ByteReader, found: FoundFeatures): string {
  const isSingle = reader.bytes[reader.at] === 1;
  const list = readTypeList(reader, found);
  return isSingle ? list : `(${list})`;
}

/** Cut, so that what a signature costs is bounded; nothing that we provide has so many. */
function readTypeList(reader: ByteReader, found: FoundFeatures): string {
  const { at } = reader;
  const count = reader.u32("a number of types");
  if (count > VALUES_MAX) throw new Malformed(at, `at most ${VALUES_MAX} types`);
  const shown: string[] = [];
  for (let index = 0; index < count; index++) {
    const type = readValueType(reader, found);
    if (index < SHOWN_MAX) shown.push(type);
  }
  if (count > SHOWN_MAX) shown.push(`${count - SHOWN_MAX} more`);
  return shown.join(", ");
}
