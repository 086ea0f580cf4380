/**
 * Code scan: walks the instructions of one expression and notes which features
 * occur. It must decode every length exactly as V8 does: one byte of
 * difference would let a module hide an instruction from us, so blocks are
 * counted and each body has to end where its size says. It doesn't validate
 * types or indices; the compiler does.
 * Hot at build time (megabytes of code): flat loops, no object per instruction.
 */
import { ByteReader, Malformed } from "./byte-reader.ts";
import { FEATURE, type FoundFeatures } from "./features.ts";
import { FIRST_PREFIX, PLAIN, PREFIXED, SHAPE } from "./opcodes.ts";
import { readHeapType, readValueType } from "./value-types.ts";

const LEB_MORE = 0x80;
const LEB32_MAX_BYTES = 5;
const LEB64_MAX_BYTES = 10;
const EMPTY_BLOCK = 0x40;
/** One byte, as a type of its own: 0x40 to 0x7f, and below 0 in s33. */
const SINGLE_BYTE_TYPE = 0x40;
const ALIGN_HAS_MEMORY_INDEX = 0x40;
const CATCH_ALL = 2;
const CATCH_ALL_REF = 3;

/** The code of one function, locals first; `reader` ends where the body does. */
export function scanBody(reader: ByteReader, found: FoundFeatures): void {
  for (let groups = reader.u32("a number of groups of locals"); groups > 0; groups--) {
    reader.u32("a number of locals");
    readValueType(reader, found);
  }
  scanExpression(reader, found);
  if (reader.at !== reader.end) throw new Malformed(reader.at, "the end of the function's body");
}

/**
 * Up to the `end` that closes the expression. An unknown instruction ends the
 * scan, and with it what can be known of the expression: the reader then stands
 * at its own end.
 */
export function scanExpression(reader: ByteReader, found: FoundFeatures): void {
  const { bytes, end } = reader;
  const { shapes, features } = PLAIN;
  let at = reader.at;
  let bits = 0;
  let depth = 1;
  while (depth > 0) {
    if (at >= end) throw new Malformed(end, at > end ? "the rest of an instruction" : "an instruction");
    const start = at;
    const opcode = bytes[at++]!;
    let shape = shapes[opcode]!;
    bits |= features[opcode]!;
    if (shape === SHAPE.prefix) {
      reader.at = at;
      const code = reader.u32("an instruction's number");
      at = reader.at;
      const table = PREFIXED[opcode - FIRST_PREFIX]!;
      shape = code < table.shapes.length ? table.shapes[code]! : SHAPE.unknown;
      bits |= code < table.shapes.length ? table.features[code]! : 0;
      if (shape === SHAPE.unknown) found.addUnknown(opcode, code);
    } else if (shape === SHAPE.unknown) found.addUnknown(0, opcode);
    switch (shape) {
      case SHAPE.none:
        break;
      case SHAPE.index:
        at = skipLeb(bytes, at, end, LEB32_MAX_BYTES);
        break;
      case SHAPE.s32:
        at = skipLeb(bytes, at, end, LEB32_MAX_BYTES);
        break;
      case SHAPE.memory:
        if ((bytes[at]! & ALIGN_HAS_MEMORY_INDEX) !== 0) {
          bits |= FEATURE.multiMemory;
          at = skipLeb(bytes, at, end, LEB32_MAX_BYTES);
        }
        at = skipLeb(bytes, at, end, LEB32_MAX_BYTES);
        at = skipLeb(bytes, at, end, LEB64_MAX_BYTES);
        break;
      case SHAPE.block:
        depth++;
        reader.at = at;
        skipBlockType(reader, found);
        at = reader.at;
        break;
      case SHAPE.end:
        depth--;
        break;
      case SHAPE.delegate:
        depth--;
        at = skipLeb(bytes, at, end, LEB32_MAX_BYTES);
        break;
      case SHAPE.twoIndices:
        at = skipLeb(bytes, at, end, LEB32_MAX_BYTES);
        at = skipLeb(bytes, at, end, LEB32_MAX_BYTES);
        break;
      case SHAPE.s64:
        at = skipLeb(bytes, at, end, LEB64_MAX_BYTES);
        break;
      case SHAPE.byte:
        at += 1;
        break;
      case SHAPE.bytes4:
        at += 4;
        break;
      case SHAPE.bytes8:
        at += 8;
        break;
      case SHAPE.bytes16:
        at += 16;
        break;
      case SHAPE.unknown:
        at = end;
        depth = 0;
        break;
      default:
        reader.at = at;
        if (shape === SHAPE.tryTable) depth++;
        skipRare(reader, shape, found, start);
        at = reader.at;
    }
  }
  reader.at = at;
  found.bits |= bits;
}

/** The integer's value is the compiler's business. */
function skipLeb(bytes: Uint8Array, start: number, end: number, maxBytes: number): number {
  let at = start;
  while (at < end && bytes[at]! >= LEB_MORE) at++;
  if (at >= end || at - start >= maxBytes) throw new Malformed(start, `an integer of at most ${maxBytes} bytes`);
  return at + 1;
}

function skipBlockType(reader: ByteReader, found: FoundFeatures): void {
  const { bytes, at } = reader;
  const first = reader.u8("a block's type");
  if (first === EMPTY_BLOCK) return;
  reader.at = at;
  if (first > SINGLE_BYTE_TYPE && first < LEB_MORE) readValueType(reader, found);
  else reader.at = skipLeb(bytes, at, reader.end, LEB32_MAX_BYTES);
}

function skipRare(reader: ByteReader, shape: number, found: FoundFeatures, start: number): void {
  switch (shape) {
    case SHAPE.labels:
      // One more than the count: the default.
      for (let left = reader.u32("a number of labels"); left >= 0; left--) reader.u32("a label");
      return;
    case SHAPE.types:
      for (let left = reader.u32("a number of types"); left > 0; left--) readValueType(reader, found);
      return;
    case SHAPE.memoryLane: {
      const flags = reader.u32("an alignment");
      if ((flags & ALIGN_HAS_MEMORY_INDEX) !== 0) {
        found.bits |= FEATURE.multiMemory;
        reader.u32("a memory's index");
      }
      reader.at = skipLeb(reader.bytes, reader.at, reader.end, LEB64_MAX_BYTES);
      reader.u8("a lane");
      return;
    }
    case SHAPE.tryTable:
      skipBlockType(reader, found);
      for (let left = reader.u32("a number of catch clauses"); left > 0; left--) {
        const kind = reader.u8("a catch clause");
        if (kind > CATCH_ALL_REF) throw new Malformed(reader.at - 1, "a catch clause");
        if (kind < CATCH_ALL) reader.u32("a tag's index");
        reader.u32("a label");
      }
      return;
    case SHAPE.heapType:
      readHeapType(reader, found);
      return;
    case SHAPE.castBranch:
      reader.u8("the flags of a cast");
      reader.u32("a label");
      readHeapType(reader, found);
      readHeapType(reader, found);
      return;
    default:
      throw new Malformed(start, "an instruction");
  }
}

/** An expression that stands alone, as in a global; what is unknown in it can't be stepped over. */
export function scanConstant(reader: ByteReader, found: FoundFeatures): void {
  const start = reader.at;
  const inner = new ByteReader(reader.bytes, start, reader.end);
  scanExpression(inner, found);
  if (reader.bytes[inner.at - 1] !== 0x0b) throw new Malformed(start, "a constant expression of known instructions");
  reader.at = inner.at;
}
