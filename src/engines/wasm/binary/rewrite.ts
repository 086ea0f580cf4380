/**
 * Rewrite: caps what a module may grow to and exports the state that has to be
 * put back between requests, under names that the image reads
 * (guest/wasi/image.ts). Everything else stays byte for byte, custom sections too:
 * traps need their names. A module's own exports under our names are dropped, or it
 * could pass off something else as its state.
 */
import { fail, ok, type Result } from "../../../base/result.ts";
import { describeBytes } from "../../../base/units.ts";
import { unsignedLeb } from "./byte-reader.ts";
import type { ExportFacts, ImportFacts, MemoryFacts, ModuleFacts, TableFacts } from "./module-facts.ts";
import type { ModuleLayout, Range } from "./module-reading.ts";
import { parseModule } from "./parse-module.ts";
import { quoted } from "./quoted.ts";
import { placeOf, SECTION, type Section } from "./sections.ts";

export interface RewriteLimits {
  /** Of all its memories together. */
  readonly memoryMaxBytes: number;
}

export interface RewrittenModule {
  readonly bytes: Uint8Array;
  /** Of the rewritten module. */
  readonly facts: ModuleFacts;
}

/** The same as EXPORTED of guest/wasi/image.ts; a test compares them. */
export const EXPORTED = { global: "pilotlight:global:", table: "pilotlight:table:", memory: "pilotlight:memory:" } as const;

/** V8's own limit for one table; here for all of a module's together, since V8 doesn't count them. */
export const TABLE_ENTRIES_MAX = 10_000_000;

const WASM_PAGE_BYTES = 64 * 1024;
const MEMORY32_MAX_PAGES = 2 ** 16;
const KIND_BYTE = { function: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;
const LIMITS_MAX = 1;
const LIMITS_SHARED = 2;
const LIMITS_64 = 4;

export function rewriteModule(bytes: Uint8Array, limits: RewriteLimits): Result<RewrittenModule> {
  const parsed = parseModule(bytes);
  if (!parsed.ok) return parsed;
  const { facts, layout } = parsed.value;
  const foreign = facts.imports.filter(({ kind }) => kind !== "function");
  if (foreign.length > 0) return importsState(foreign);
  const memories = cappedMemories(facts.memories, limits.memoryMaxBytes);
  if (!memories.ok) return memories;
  const tables = cappedTables(facts.tables);
  if (!tables.ok) return tables;
  const added = stateExports(facts);
  const isOwn = ({ name }: ExportFacts): boolean => !Object.values(EXPORTED).some((prefix) => name.startsWith(prefix));
  const bodies = new Map<number, Uint8Array[]>();
  const body = (id: number, replacements: readonly Uint8Array[], ranges: readonly Range[]): void => {
    const section = layout.sections.find((one) => one.id === id);
    if (section !== undefined) bodies.set(id, spliced(bytes, section, ranges, replacements));
  };
  body(SECTION.memory, memories.value.map(memoryLimits), layout.memoryLimits);
  body(SECTION.table, tables.value.map(tableLimits), layout.tableLimits);
  const kept = layout.exports.filter((_, index) => isOwn(facts.exports[index]!));
  if (layout.exports.length > 0 || added.length > 0)
    bodies.set(SECTION.export, [
      Uint8Array.from(unsignedLeb(kept.length + added.length)),
      ...kept.map(({ start, end }) => bytes.subarray(start, end)),
      ...added.map(exportEntry),
    ]);
  return ok({
    bytes: assembled(bytes, layout, bodies),
    facts: { ...facts, memories: memories.value, tables: tables.value, exports: [...facts.exports.filter(isOwn), ...added] },
  });
}

function importsState(foreign: readonly ImportFacts[]): Result<never> {
  const isObject = foreign.some(({ name }) => name === "__linear_memory" || name === "__indirect_function_table");
  return fail({
    code: "UNKNOWN_IMPORT",
    message: `the module imports ${quoted(foreign.map(({ module, name, kind }) => `the ${kind} ${module}.${name}`))}, and only functions are provided`,
    hint: isObject
      ? "It is an object file: link it to a program with wasm-ld or clang"
      : "Build it as a WASI command with a memory of its own (without --import-memory, --import-table or -pthread)",
  });
}

/** What is left above the minima is shared out evenly: the sum never passes the limit. */
function cappedMemories(memories: readonly MemoryFacts[], memoryMaxBytes: number): Result<MemoryFacts[]> {
  const limitPages = Math.floor(memoryMaxBytes / WASM_PAGE_BYTES);
  const minPages = memories.reduce((sum, memory) => sum + memory.minPages, 0);
  if (minPages > limitPages) {
    const needed = minPages * WASM_PAGE_BYTES;
    return fail({
      code: "MEMORY_LIMIT_TOO_SMALL",
      message: `the module begins with ${describeBytes(needed)} of memory, and its limit is ${describeBytes(memoryMaxBytes)}`,
      hint: `Raise its memory limit to ${needed} bytes or more, or build it with a smaller stack or less initial memory`,
    });
  }
  const sparePages = Math.floor((limitPages - minPages) / memories.length);
  return ok(
    memories.map((memory) => {
      const cap = memory.minPages + sparePages;
      return { ...memory, maxPages: Math.min(memory.maxPages ?? cap, cap, memory.is64 ? cap : MEMORY32_MAX_PAGES) };
    }),
  );
}

function cappedTables(tables: readonly TableFacts[]): Result<TableFacts[]> {
  const minEntries = tables.reduce((sum, { min }) => sum + min, 0);
  if (minEntries > TABLE_ENTRIES_MAX)
    return fail({
      code: "TABLES_TOO_LARGE",
      message: `the module's tables begin with ${minEntries} entries, and at most ${TABLE_ENTRIES_MAX} are allowed`,
      hint: "Build it with smaller tables; programs need one entry for each function that is called by pointer",
    });
  const spare = Math.floor((TABLE_ENTRIES_MAX - minEntries) / tables.length);
  return ok(tables.map((table) => ({ ...table, max: Math.min(table.max ?? table.min + spare, table.min + spare) })));
}

function stateExports({ memories, globals, tables, features }: ModuleFacts): ExportFacts[] {
  const changesTables = features.includes("table mutation");
  return [
    ...memories.map((_, index) => stateExport("memory", index)),
    ...globals.flatMap(({ isMutable }, index) => (isMutable ? stateExport("global", index) : [])),
    ...(changesTables ? tables.map((_, index) => stateExport("table", index)) : []),
  ];
}

function stateExport(kind: "memory" | "global" | "table", index: number): ExportFacts {
  return { name: `${EXPORTED[kind]}${index}`, kind, index, type: "" };
}

function exportEntry({ name, kind, index }: ExportFacts): Uint8Array {
  const text = Buffer.from(name);
  return Uint8Array.from([...unsignedLeb(text.length), ...text, KIND_BYTE[kind], ...unsignedLeb(index)]);
}

function memoryLimits({ minPages, maxPages, isShared, is64 }: MemoryFacts): Uint8Array {
  return encodedLimits((isShared ? LIMITS_SHARED : 0) | (is64 ? LIMITS_64 : 0), minPages, maxPages!);
}

function tableLimits({ min, max, is64 }: TableFacts): Uint8Array {
  return encodedLimits(is64 ? LIMITS_64 : 0, min, max!);
}

function encodedLimits(flags: number, min: number, max: number): Uint8Array {
  return Uint8Array.from([flags | LIMITS_MAX, ...unsignedLeb(min), ...unsignedLeb(max)]);
}

function spliced(bytes: Uint8Array, section: Section, ranges: readonly Range[], replacements: readonly Uint8Array[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = section.bodyStart;
  for (const [index, { start, end }] of ranges.entries()) {
    parts.push(bytes.subarray(at, start), replacements[index]!);
    at = end;
  }
  parts.push(bytes.subarray(at, section.end));
  return parts;
}

function assembled(bytes: Uint8Array, { sections }: ModuleLayout, bodies: ReadonlyMap<number, readonly Uint8Array[]>): Uint8Array {
  const firstStart = sections[0]?.start ?? bytes.length;
  const parts: Uint8Array[] = [bytes.subarray(0, firstStart)];
  const hasExports = sections.some(({ id }) => id === SECTION.export);
  const exportPlace = hasExports || !bodies.has(SECTION.export) ? -1 : placeOf(SECTION.export, sections);
  for (let index = 0; index <= sections.length; index++) {
    if (index === exportPlace) parts.push(...encodedSection(SECTION.export, bodies.get(SECTION.export)!));
    const section = sections[index];
    if (section === undefined) break;
    const body = bodies.get(section.id);
    if (body === undefined) parts.push(bytes.subarray(section.start, section.end));
    else parts.push(...encodedSection(section.id, body));
  }
  return Buffer.concat(parts);
}

function encodedSection(id: number, body: readonly Uint8Array[]): Uint8Array[] {
  const size = body.reduce((sum, { length }) => sum + length, 0);
  return [Uint8Array.from([id, ...unsignedLeb(size)]), ...body];
}
