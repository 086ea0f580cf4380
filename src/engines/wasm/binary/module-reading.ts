/**
 * Module reading: the contents of each section, into facts and into the layout
 * that the rewriter splices (core specification 3.0, section 5.5). Throws
 * Malformed and Proposed only. Counts are claims: each step reads at least one byte.
 */
import { ByteReader, Malformed, Proposed } from "./byte-reader.ts";
import { scanBody, scanConstant } from "./code-scan.ts";
import { EXTERN_KINDS, type ExternKind } from "./extern-kind.ts";
import { FEATURE, FoundFeatures } from "./features.ts";
import { COUNT_MAX, readLimits } from "./limits.ts";
import type { ExportFacts, GlobalFacts, ImportFacts, MemoryFacts, ModuleFacts, TableFacts } from "./module-facts.ts";
import { readProducers } from "./producers.ts";
import { isReserved } from "./reserved-names.ts";
import { SECTION, type Section, sectionName } from "./sections.ts";
import { readTypes } from "./type-section.ts";
import { readReferenceType, readValueType } from "./value-types.ts";

/** Offsets in the module's bytes: from `start`, and past the last one. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface ModuleLayout {
  readonly sections: readonly Section[];
  /** The limits of each defined memory and table. */
  readonly memoryLimits: readonly Range[];
  readonly tableLimits: readonly Range[];
  /** How many exports there are, and each whose name is ours. */
  readonly exportCount: Range | null;
  readonly reservedExports: readonly Range[];
}

const MEMORY32_MAX_PAGES = 2 ** 16;
const MEMORY64_MAX_PAGES = 2 ** 48;
const TABLE_WITH_VALUE = 0x40;
/** After an empty name, in place of a kind: names with types follow, or one type and names (proposal compact-import-section). */
const COMPACT_IMPORTS: readonly (number | undefined)[] = [0x7f, 0x7e];

export class ModuleReading {
  readonly #found = new FoundFeatures();
  readonly #sections: readonly Section[];
  readonly #imports: ImportFacts[] = [];
  readonly #exports: ExportFacts[] = [];
  readonly #reservedExports: Range[] = [];
  #exportCount: Range | null = null;
  readonly #memories: MemoryFacts[] = [];
  readonly #memoryLimits: Range[] = [];
  readonly #tables: TableFacts[] = [];
  readonly #tableLimits: Range[] = [];
  readonly #globals: GlobalFacts[] = [];
  /** By type index; null for what is no function. */
  #types: readonly (string | null)[] = [];
  /** By function index, imported ones first. */
  readonly #functionTypes: string[] = [];
  #functionCount = 0;
  #bodyCount = 0;
  #tagCount = 0;
  #elementCount = 0;
  #dataCount = 0;
  #claimedDataCount: number | null = null;
  #hasStart = false;
  #hasNames = false;
  #producers: readonly string[] = [];

  constructor(bytes: Uint8Array, sections: readonly Section[]) {
    this.#sections = sections;
    for (const { id, bodyStart, end } of sections) {
      const reader = new ByteReader(bytes, bodyStart, end);
      this.#read(id, reader);
      if (id !== SECTION.custom && reader.at !== end) throw new Malformed(reader.at, `the end of the ${sectionName(id)} section`);
    }
    if (this.#bodyCount !== this.#functionCount)
      throw new Malformed(bytes.length, `code for ${this.#functionCount} functions, found ${this.#bodyCount}`);
    if (this.#claimedDataCount !== null && this.#claimedDataCount !== this.#dataCount)
      throw new Malformed(bytes.length, `${this.#claimedDataCount} data segments, found ${this.#dataCount}`);
    if (this.#memories.length > 1) this.#found.bits |= FEATURE.multiMemory;
  }

  get layout(): ModuleLayout {
    return {
      sections: this.#sections,
      memoryLimits: this.#memoryLimits,
      tableLimits: this.#tableLimits,
      exportCount: this.#exportCount,
      reservedExports: this.#reservedExports,
    };
  }

  facts(): ModuleFacts {
    return {
      imports: this.#imports,
      exports: this.#exports,
      memories: this.#memories,
      tables: this.#tables,
      globals: this.#globals,
      hasStart: this.#hasStart,
      functionCount: this.#functionCount,
      elementCount: this.#elementCount,
      dataCount: this.#dataCount,
      hasNames: this.#hasNames,
      producers: this.#producers,
      features: this.#found.list(),
    };
  }

  #read(id: number, reader: ByteReader): void {
    if (id === SECTION.custom) {
      this.#custom(reader);
      return;
    }
    if (id === SECTION.start) {
      reader.u32("the start function's index");
      this.#hasStart = true;
      return;
    }
    const start = reader.at;
    const count = reader.u32(`the number of entries of the ${sectionName(id)} section`);
    if (count > COUNT_MAX[id]!) throw new Malformed(start, `at most ${COUNT_MAX[id]} entries of the ${sectionName(id)} section`);
    if (id === SECTION.export) this.#exportCount = { start, end: reader.at };
    if (id === SECTION.type) this.#types = readTypes(reader, count, this.#found);
    else if (id === SECTION.dataCount) this.#claimedDataCount = count;
    else for (let left = count; left > 0; left--) this.#entry(id, reader);
  }

  #entry(id: number, reader: ByteReader): void {
    switch (id) {
      case SECTION.import:
        this.#import(reader);
        return;
      case SECTION.function:
        this.#functionTypes.push(this.#functionType(reader));
        this.#functionCount++;
        return;
      case SECTION.table:
        this.#table(reader);
        return;
      case SECTION.memory:
        this.#memoryLimits.push(this.#memory(reader));
        return;
      case SECTION.tag:
        this.#tag(reader);
        return;
      case SECTION.global:
        this.#globals.push(this.#globalType(reader));
        scanConstant(reader, this.#found);
        return;
      case SECTION.export:
        this.#export(reader);
        return;
      case SECTION.element:
        this.#element(reader);
        return;
      case SECTION.code:
        this.#body(reader);
        return;
      case SECTION.data:
        this.#data(reader);
        return;
    }
  }

  #custom(reader: ByteReader): void {
    const name = reader.name("a custom section's name");
    if (name === "name") this.#hasNames = true;
    else if (name === "producers") this.#producers = readProducers(reader);
  }

  #import(reader: ByteReader): void {
    const module = reader.name("the name of an import's module");
    const name = reader.name("an import's name");
    // V8 can't read them either (14.6).
    if (name === "" && COMPACT_IMPORTS.includes(reader.bytes[reader.at]))
      throw new Proposed(
        reader.at,
        "groups its imports as the proposal compact-import-section does, which can't be read yet",
        "Build it without compact imports (Binaryen and WABT: without --enable-compact-imports)",
      );
    const kind = this.#kind(reader);
    this.#imports.push({ module, name, kind, type: this.#importType(reader, kind) });
  }

  #importType(reader: ByteReader, kind: ExternKind): string {
    switch (kind) {
      case "function": {
        const type = this.#functionType(reader);
        this.#functionTypes.push(type);
        return type;
      }
      case "table": {
        this.#tableType(reader);
        return this.#tables.at(-1)!.type;
      }
      case "memory":
        this.#memory(reader);
        return "memory";
      case "global": {
        const global = this.#globalType(reader);
        this.#globals.push(global);
        return global.type;
      }
      case "tag":
        return this.#tag(reader);
    }
  }

  #kind(reader: ByteReader): ExternKind {
    const kind = EXTERN_KINDS[reader.u8("a kind of import or export")];
    if (kind === undefined) throw new Malformed(reader.at - 1, "a kind of import or export");
    return kind;
  }

  #functionType(reader: ByteReader): string {
    const { at } = reader;
    const type = this.#types[reader.u32("a type's index")];
    if (typeof type !== "string") throw new Malformed(at, "the index of a function type");
    return type;
  }

  #table(reader: ByteReader): void {
    const hasValue = reader.bytes[reader.at] === TABLE_WITH_VALUE;
    if (hasValue) {
      reader.u8("a table");
      if (reader.u8("a table with a value") !== 0) throw new Malformed(reader.at - 1, "0 before a table's type");
      this.#found.bits |= FEATURE.functionReferences;
    }
    this.#tableLimits.push(this.#tableType(reader));
    if (hasValue) scanConstant(reader, this.#found);
  }

  #tableType(reader: ByteReader): Range {
    const type = readReferenceType(reader, this.#found);
    const { at } = reader;
    const { min, max, is64, isShared, start, end } = readLimits(reader, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER);
    if (isShared) throw new Malformed(at, "a table that is not shared");
    if (is64) this.#found.bits |= FEATURE.memory64;
    this.#tables.push({ type, min, max, is64 });
    return { start, end };
  }

  #memory(reader: ByteReader): Range {
    const { min, max, isShared, is64, start, end } = readLimits(reader, MEMORY32_MAX_PAGES, MEMORY64_MAX_PAGES);
    if (isShared) this.#found.bits |= FEATURE.sharedMemory;
    if (is64) this.#found.bits |= FEATURE.memory64;
    this.#memories.push({ minPages: min, maxPages: max, isShared, is64 });
    return { start, end };
  }

  #globalType(reader: ByteReader): GlobalFacts {
    const type = readValueType(reader, this.#found);
    const mutability = reader.u8("a global's mutability");
    if (mutability > 1) throw new Malformed(reader.at - 1, "a global's mutability, 0 or 1");
    return { type, isMutable: mutability === 1 };
  }

  #tag(reader: ByteReader): string {
    this.#found.bits |= FEATURE.exceptions;
    if (reader.u8("a tag") !== 0) throw new Malformed(reader.at - 1, "a tag's attribute, 0");
    this.#tagCount++;
    return this.#functionType(reader);
  }

  #export(reader: ByteReader): void {
    const start = reader.at;
    const name = reader.name("an export's name");
    const kind = this.#kind(reader);
    const at = reader.at;
    const index = reader.u32("an export's index");
    if (index >= this.#countOf(kind)) throw new Malformed(at, `the index of a ${kind}, below ${this.#countOf(kind)}`);
    this.#exports.push({ name, kind, index, type: kind === "function" ? this.#functionTypes[index]! : "" });
    if (isReserved(name)) this.#reservedExports.push({ start, end: reader.at });
  }

  #countOf(kind: ExternKind): number {
    const counts: Record<ExternKind, number> = {
      function: this.#functionTypes.length,
      table: this.#tables.length,
      memory: this.#memories.length,
      global: this.#globals.length,
      tag: this.#tagCount,
    };
    return counts[kind];
  }

  /** Flags, section 5.5.12: 1 not active, 2 with a table's index (or declared), 4 with expressions. */
  #element(reader: ByteReader): void {
    const { at } = reader;
    const flags = reader.u32("an element segment");
    if (flags > 7) throw new Malformed(at, "an element segment's flags, at most 7");
    const isActive = (flags & 1) === 0;
    const hasExpressions = (flags & 4) !== 0;
    if (isActive) {
      if ((flags & 2) !== 0) reader.u32("a table's index");
      scanConstant(reader, this.#found);
    }
    if ((flags & 3) !== 0) {
      if (hasExpressions) readReferenceType(reader, this.#found);
      else reader.u8("a kind of elements");
    }
    for (let left = reader.u32("a number of elements"); left > 0; left--) {
      if (hasExpressions) scanConstant(reader, this.#found);
      else reader.u32("a function's index");
    }
    this.#elementCount++;
  }

  #body(reader: ByteReader): void {
    const size = reader.u32("the size of a function's body");
    const start = reader.at;
    reader.skip(size, "a function's body");
    scanBody(new ByteReader(reader.bytes, start, reader.at), this.#found);
    this.#bodyCount++;
  }

  #data(reader: ByteReader): void {
    const { at } = reader;
    const flags = reader.u32("a data segment");
    if (flags > 2) throw new Malformed(at, "a data segment's flags, at most 2");
    if (flags === 2) reader.u32("a memory's index");
    if (flags !== 1) scanConstant(reader, this.#found);
    reader.skip(reader.u32("the size of a data segment"), "a data segment");
    this.#dataCount++;
  }
}
