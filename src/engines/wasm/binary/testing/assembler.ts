/**
 * Assembler for tests: modules from the bytes of their entries, section by
 * section. It checks nothing, so that wrong modules can be made as easily.
 */
import { unsignedLeb } from "../byte-reader.ts";
import { SECTION } from "../sections.ts";

export type Entry = readonly number[];

/** Entries by section; a section that isn't named isn't there. */
export interface Parts {
  readonly types?: readonly Entry[];
  readonly imports?: readonly Entry[];
  /** Type indices. */
  readonly functions?: readonly number[];
  readonly tables?: readonly Entry[];
  readonly memories?: readonly Entry[];
  readonly tags?: readonly Entry[];
  readonly globals?: readonly Entry[];
  readonly exports?: readonly Entry[];
  readonly start?: number;
  readonly elements?: readonly Entry[];
  readonly dataCount?: number;
  /** Instructions without locals and without the last `end`. */
  readonly code?: readonly Entry[];
  readonly data?: readonly Entry[];
  /** At the end. */
  readonly custom?: readonly { readonly name: string; readonly bytes: Entry }[];
}

export const HEADER: Entry = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;
export const END = 0x0b;
/** One page, no maximum. */
export const ONE_PAGE: Entry = [0x00, 0x01];

export const NO_TYPE: Entry = [0x60, 0, 0];

export function functionType(parameters: readonly number[], results: readonly number[]): Entry {
  return [0x60, ...unsignedLeb(parameters.length), ...parameters, ...unsignedLeb(results.length), ...results];
}

export function text(name: string): number[] {
  const bytes = [...new TextEncoder().encode(name)];
  return [...unsignedLeb(bytes.length), ...bytes];
}

/** `kind` and what follows it: [0, type index] for a function. */
export function importEntry(module: string, name: string, ...kindAndType: number[]): Entry {
  return [...text(module), ...text(name), ...kindAndType];
}

export const EXPORT_KIND = { function: 0, table: 1, memory: 2, global: 3 } as const;

export function exportEntry(name: string, kind: keyof typeof EXPORT_KIND, index: number): Entry {
  return [...text(name), EXPORT_KIND[kind], ...unsignedLeb(index)];
}

export function section(id: number, body: readonly number[]): number[] {
  return [id, ...unsignedLeb(body.length), ...body];
}

export function assemble(parts: Parts): Uint8Array {
  const list = (id: number, entries: readonly Entry[] | undefined): number[] =>
    entries === undefined ? [] : section(id, [...unsignedLeb(entries.length), ...entries.flat()]);
  const indices = parts.functions?.map((index) => unsignedLeb(index));
  const bodies = parts.code?.map((instructions) => {
    const body = [0, ...instructions, END];
    return [...unsignedLeb(body.length), ...body];
  });
  return Uint8Array.from([
    ...HEADER,
    ...list(SECTION.type, parts.types),
    ...list(SECTION.import, parts.imports),
    ...list(SECTION.function, indices),
    ...list(SECTION.table, parts.tables),
    ...list(SECTION.memory, parts.memories),
    ...list(SECTION.tag, parts.tags),
    ...list(SECTION.global, parts.globals),
    ...list(SECTION.export, parts.exports),
    ...(parts.start === undefined ? [] : section(SECTION.start, unsignedLeb(parts.start))),
    ...list(SECTION.element, parts.elements),
    ...(parts.dataCount === undefined ? [] : section(SECTION.dataCount, unsignedLeb(parts.dataCount))),
    ...list(SECTION.code, bodies),
    ...list(SECTION.data, parts.data),
    ...(parts.custom ?? []).flatMap(({ name, bytes }) => section(SECTION.custom, [...text(name), ...bytes])),
  ]);
}

/** A command that does nothing but `instructions`; `parts` add to it or replace. */
export function command(instructions: Entry = [], parts: Parts = {}): Uint8Array {
  return assemble({
    types: [NO_TYPE],
    functions: [0],
    memories: [ONE_PAGE],
    exports: [exportEntry("_start", "function", 0), exportEntry("memory", "memory", 0)],
    code: [instructions],
    ...parts,
  });
}
