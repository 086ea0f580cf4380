/**
 * Rewrite: caps what a module may grow to and exports the state that has to be
 * put back between requests, under names that the image reads
 * (guest/wasi/image.ts). Everything else stays byte for byte, custom sections too:
 * traps need their names. A module's own exports under our names are dropped, or it
 * could pass off something else as its state.
 */

import { WASM_PAGE_BYTES } from "../../../../guest/wasi/channel.ts";
import { EXPORTED } from "../../../../guest/wasi/exported-names.ts";
import { fail, ok, type Result } from "../../../base/result.ts";
import { describeBytes } from "../../../base/units.ts";
import { unsignedLeb } from "./byte-reader.ts";
import { unknownImports } from "./check-imports.ts";
import { EXTERN_KINDS } from "./extern-kind.ts";
import { encodedLimits } from "./limits.ts";
import type { ExportFacts, MemoryFacts, ModuleFacts, TableFacts } from "./module-facts.ts";
import type { ModuleLayout, Range } from "./module-reading.ts";
import { parseModule } from "./parse-module.ts";
import { STATE_PARTS_MAX, statePartCount } from "./put-back.ts";
import { isReserved } from "./reserved-names.ts";
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

/**
 * Entries that a module's tables may have together. They lie in the isolate's
 * heap and outside of it (some 40 bytes an entry, measured at 10 million), where
 * no memory limit counts them; programs have one for each function that is
 * called by pointer, some thousands in all.
 */
export const TABLE_ENTRIES_MAX = 1_000_000;

const MEMORY32_MAX_PAGES = 2 ** 16;

/** New bytes in the place of old ones. */
interface Splice extends Range {
  readonly bytes: Uint8Array;
}

export function rewriteModule(bytes: Uint8Array, limits: RewriteLimits): Result<RewrittenModule> {
  const parsed = parseModule(bytes);
  if (!parsed.ok) return parsed;
  const { facts, layout } = parsed.value;
  // Memories, tables and globals that come from outside could be neither capped nor put back.
  if (facts.imports.some(({ kind }) => kind !== "function")) return unknownImports(facts.imports)!;
  const memories = cappedMemories(facts.memories, limits.memoryMaxBytes);
  if (!memories.ok) return memories;
  const tables = cappedTables(facts.tables);
  if (!tables.ok) return tables;
  const added = stateExports(facts);
  const own = facts.exports.filter(({ name }) => !isReserved(name));
  const replaced = new Map<number, readonly Uint8Array[]>();
  const splice = (id: number, splices: readonly Splice[]): void => {
    const section = layout.sections.find((one) => one.id === id);
    if (section !== undefined) replaced.set(id, spliced(bytes, section, splices));
  };
  splice(SECTION.memory, replacing(layout.memoryLimits, memories.value.map(memoryLimits)));
  splice(SECTION.table, replacing(layout.tableLimits, tables.value.map(tableLimits)));
  if (layout.exportCount !== null || added.length > 0) replaced.set(SECTION.export, exportSection(bytes, layout, own.length, added));
  return ok({
    bytes: assembled(bytes, layout.sections, replaced),
    facts: { ...facts, memories: memories.value, tables: tables.value, exports: [...own, ...added] },
  });
}

/** What is left above the minima is shared out evenly: the sum never passes the limit. */
function cappedMemories(memories: readonly MemoryFacts[], memoryMaxBytes: number): Result<MemoryFacts[]> {
  const limitPages = Math.floor(memoryMaxBytes / WASM_PAGE_BYTES);
  const minPages = memories.reduce((sum, memory) => sum + memory.minPages, 0);
  if (minPages > limitPages) {
    const neededBytes = minPages * WASM_PAGE_BYTES;
    return fail({
      code: "MEMORY_LIMIT_TOO_SMALL",
      message: `the module begins with ${describeBytes(neededBytes)} of memory (${neededBytes} bytes), and its limit is ${describeBytes(memoryMaxBytes)}`,
      hint: `Raise its memory limit to ${neededBytes} or more, or build it with a smaller stack or less initial memory`,
    });
  }
  const sparePages = Math.floor((limitPages - minPages) / memories.length);
  return ok(
    memories.map((memory) => {
      const cap = Math.min(memory.minPages + sparePages, memory.is64 ? Number.MAX_SAFE_INTEGER : MEMORY32_MAX_PAGES);
      return { ...memory, maxPages: Math.min(memory.maxPages ?? cap, cap) };
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

/** None where there are so many that they aren't put back (put-back.ts). */
function stateExports(facts: ModuleFacts): ExportFacts[] {
  if (statePartCount(facts) > STATE_PARTS_MAX) return [];
  const { memories, globals, tables, features } = facts;
  return [
    ...memories.map((_, index) => stateExport("memory", index)),
    ...globals.flatMap(({ isMutable }, index) => (isMutable ? stateExport("global", index) : [])),
    ...(features.includes("table mutation") ? tables.map((_, index) => stateExport("table", index)) : []),
  ];
}

function stateExport(kind: "memory" | "global" | "table", index: number): ExportFacts {
  return { name: `${EXPORTED[kind]}${index}`, kind, index, type: "" };
}

function exportSection(
  bytes: Uint8Array,
  { sections, ...layout }: ModuleLayout,
  ownCount: number,
  added: readonly ExportFacts[],
): Uint8Array[] {
  const count = Uint8Array.from(unsignedLeb(ownCount + added.length));
  const entries = added.map(exportEntry);
  const section = sections.find(({ id }) => id === SECTION.export);
  if (section === undefined) return [count, ...entries];
  const dropped = layout.reservedExports.map((range) => ({ ...range, bytes: new Uint8Array(0) }));
  return [...spliced(bytes, section, [{ ...layout.exportCount!, bytes: count }, ...dropped]), ...entries];
}

function exportEntry({ name, kind, index }: ExportFacts): Uint8Array {
  const text = Buffer.from(name);
  return Uint8Array.from([...unsignedLeb(text.length), ...text, EXTERN_KINDS.indexOf(kind), ...unsignedLeb(index)]);
}

function memoryLimits({ minPages, maxPages, isShared, is64 }: MemoryFacts): Uint8Array {
  return encodedLimits({ min: minPages, max: maxPages, isShared, is64 });
}

function tableLimits({ min, max, is64 }: TableFacts): Uint8Array {
  return encodedLimits({ min, max, isShared: false, is64 });
}

function replacing(ranges: readonly Range[], replacements: readonly Uint8Array[]): Splice[] {
  return ranges.map((range, index) => ({ ...range, bytes: replacements[index]! }));
}

/** The section's contents; splices in the order of their offsets. */
function spliced(bytes: Uint8Array, section: Section, splices: readonly Splice[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = section.bodyStart;
  for (const { start, end, bytes: replacement } of splices) {
    parts.push(bytes.subarray(at, start), replacement);
    at = end;
  }
  parts.push(bytes.subarray(at, section.end));
  return parts;
}

function assembled(bytes: Uint8Array, sections: readonly Section[], replaced: ReadonlyMap<number, readonly Uint8Array[]>): Uint8Array {
  const chunks: Uint8Array[] = [bytes.subarray(0, sections[0]?.start)];
  const addSection = (id: number, body: readonly Uint8Array[]): void => {
    const size = body.reduce((sum, { length }) => sum + length, 0);
    chunks.push(Uint8Array.from([id, ...unsignedLeb(size)]));
    for (const part of body) chunks.push(part);
  };
  const isNew = replaced.has(SECTION.export) && !sections.some(({ id }) => id === SECTION.export);
  const exportPlace = isNew ? placeOf(SECTION.export, sections) : -1;
  for (let index = 0; index <= sections.length; index++) {
    if (index === exportPlace) addSection(SECTION.export, replaced.get(SECTION.export)!);
    const section = sections[index];
    const body = section === undefined ? undefined : replaced.get(section.id);
    if (body !== undefined) addSection(section!.id, body);
    else if (section !== undefined) chunks.push(bytes.subarray(section.start, section.end));
  }
  return joined(chunks);
}

/** Bytes of its own: Buffer.concat may answer a piece of a shared pool. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
