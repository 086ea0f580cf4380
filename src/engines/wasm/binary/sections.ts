/**
 * Sections: the outermost layer of a module. Each has an id, a size and a place in
 * the order; custom ones stand anywhere (core specification 3.0, section 5.5).
 */
import { type ByteReader, Malformed } from "./byte-reader.ts";

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

export const HEADER_BYTES = 8;

/** Ours: V8 takes any number, compilers leave about ten, and each costs us an object. */
const CUSTOM_MAX = 10_000;

/** By id. */
const NAMES = [
  "custom",
  "type",
  "import",
  "function",
  "table",
  "memory",
  "global",
  "export",
  "start",
  "element",
  "code",
  "data",
  "data count",
  "tag",
];
const ORDER: readonly number[] = [
  SECTION.type,
  SECTION.import,
  SECTION.function,
  SECTION.table,
  SECTION.memory,
  SECTION.tag,
  SECTION.global,
  SECTION.export,
  SECTION.start,
  SECTION.element,
  SECTION.dataCount,
  SECTION.code,
  SECTION.data,
];

export interface Section {
  readonly id: number;
  /** Offsets: of its id, of its contents, and past them. */
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
}

export function sectionName(id: number): string {
  return NAMES[id]!;
}

/** Where a section that isn't there belongs among those that are. */
export function placeOf(id: number, sections: readonly Section[]): number {
  const rank = ORDER.indexOf(id);
  let place = 0;
  for (const [index, section] of sections.entries()) {
    if (section.id !== SECTION.custom && ORDER.indexOf(section.id) < rank) place = index + 1;
  }
  return place;
}

export function readSections(reader: ByteReader): Section[] {
  const sections: Section[] = [];
  let lastRank = -1;
  let customCount = 0;
  reader.at = HEADER_BYTES;
  while (reader.at < reader.end) {
    const start = reader.at;
    const id = reader.u8("a section");
    if (id >= NAMES.length) throw new Malformed(start, `a section's id, at most ${NAMES.length - 1}, found ${id}`);
    if (id === SECTION.custom) {
      if (++customCount > CUSTOM_MAX) throw new Malformed(start, `at most ${CUSTOM_MAX} custom sections`);
    } else {
      const rank = ORDER.indexOf(id);
      if (rank <= lastRank) throw new Malformed(start, `no ${NAMES[id]} section here: each comes once, in its order`);
      lastRank = rank;
    }
    const size = reader.u32(`the size of the ${NAMES[id]} section`);
    const bodyStart = reader.at;
    reader.skip(size, `the ${NAMES[id]} section`);
    sections.push({ id, start, bodyStart, end: reader.at });
  }
  return sections;
}
