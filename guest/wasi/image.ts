/**
 * Image: what a guest's state was at one moment, and its way back there.
 * Linear memory, mutable globals and tables (where code can change them), by the
 * names under which the rewriter has exported them. Memory and tables can't
 * shrink: an instance in which one has grown can't be put back, and `restore`
 * says so.
 */
import { WASM_PAGE_BYTES } from "./channel.ts";
import { EXPORTED } from "./exported-names.ts";
import { pageScanOf } from "./page-scan.ts";
import type { Exports, Global, Memory, Table } from "./webassembly.ts";

/** What is looked at as a whole: small enough that a heap's untouched parts show. */
const PAGE_BYTES = 4096;
/** A run of zero pages shorter than this is copied with its neighbours: a call costs more than the bytes. */
const ZERO_RUN_MIN_PAGES = 4;
/** What is called this often pays for a closer look. */
const RESTORES_BEFORE_SCAN = 8;

interface Run {
  readonly start: number;
  readonly end: number;
  /** Bytes to put there; null for zeroes. */
  readonly bytes: Uint8Array | null;
}

export class Image {
  readonly #memories: readonly MemoryImage[];
  readonly #globalValues: readonly unknown[];
  readonly #tableEntries: readonly (readonly unknown[])[];
  readonly #isRebindable: boolean;

  constructor(exports: Exports) {
    const { memories, globals, tables } = stateOf(exports);
    this.#memories = memories.map((memory) => new MemoryImage(memory));
    this.#globalValues = globals.map((global) => global.value as unknown);
    this.#tableEntries = tables.map((table) => Array.from({ length: table.length }, (_, index) => table.get(index) as unknown));
    this.#isRebindable = tables.length === 0 && this.#globalValues.every((value) => typeof value === "number" || typeof value === "bigint");
  }

  /** Whether another instance of the module can be put in this state: references lead back into the first. */
  get isRebindable(): boolean {
    return this.#isRebindable;
  }

  /** The way back for one instance; it may still have to grow. */
  bind(exports: Exports): BoundImage {
    return new BoundImage(stateOf(exports), this.#memories, this.#globalValues, this.#tableEntries);
  }
}

export class BoundImage {
  readonly #state: InstanceState;
  readonly #memories: readonly MemoryImage[];
  readonly #globalValues: readonly unknown[];
  readonly #tableEntries: readonly (readonly unknown[])[];

  constructor(
    state: InstanceState,
    memories: readonly MemoryImage[],
    globalValues: readonly unknown[],
    tableEntries: readonly (readonly unknown[])[],
  ) {
    this.#state = state;
    this.#memories = memories;
    this.#globalValues = globalValues;
    this.#tableEntries = tableEntries;
  }

  /** Hot path. False when the instance has outgrown the image and must be discarded. */
  restore(): boolean {
    const { memories, globals, tables } = this.#state;
    for (let index = 0; index < memories.length; index++) if (!this.#memories[index]!.restore(memories[index]!)) return false;
    for (let index = 0; index < globals.length; index++) globals[index]!.value = this.#globalValues[index];
    for (let index = 0; index < tables.length; index++) if (!restoreTable(tables[index]!, this.#tableEntries[index]!)) return false;
    return true;
  }
}

interface InstanceState {
  readonly memories: readonly Memory[];
  readonly globals: readonly Global[];
  readonly tables: readonly Table[];
}

function stateOf(exports: Exports): InstanceState {
  const named = Object.entries(exports);
  const values = <T>(prefix: string): T[] => named.filter(([name]) => name.startsWith(prefix)).map(([, value]) => value as T);
  return { memories: values(EXPORTED.memory), globals: values(EXPORTED.global), tables: values(EXPORTED.table) };
}

function restoreTable(table: Table, entries: readonly unknown[]): boolean {
  if (table.length !== entries.length) return false;
  for (let index = 0; index < entries.length; index++) table.set(index, entries[index]);
  return true;
}

/**
 * A memory as it was: at first as one copy, which is quick to take, and once it
 * was needed a few times as runs of pages, which are quicker to put back.
 */
class MemoryImage {
  readonly #length: number;
  #runs: readonly Run[];
  #restoreCount = 0;

  constructor(memory: Memory) {
    const bytes = new Uint8Array(memory.buffer);
    this.#length = bytes.length;
    this.#runs = [{ start: 0, end: bytes.length, bytes: bytes.slice() }];
  }

  /** Hot path. */
  restore(memory: Memory): boolean {
    const missingBytes = this.#length - memory.buffer.byteLength;
    if (missingBytes < 0) return false;
    if (missingBytes > 0) memory.grow(missingBytes / WASM_PAGE_BYTES);
    const bytes = new Uint8Array(memory.buffer);
    for (const run of this.#runs) {
      if (run.bytes === null) bytes.fill(0, run.start, run.end);
      else bytes.set(run.bytes, run.start);
    }
    // Now it is what the image is.
    if (++this.#restoreCount === RESTORES_BEFORE_SCAN) this.#runs = runsOf(memory);
    return true;
  }
}

function runsOf(memory: Memory): Run[] {
  const bytes = new Uint8Array(memory.buffer);
  const isZeroFrom = pageScanOf(memory);
  const isZero = (page: number): boolean => isZeroFrom(page * PAGE_BYTES, (page + 1) * PAGE_BYTES) === 1;
  const runs: Run[] = [];
  const pageCount = bytes.length / PAGE_BYTES;
  for (let page = 0, start = 0; page < pageCount; ) {
    let zeroEnd = page;
    while (zeroEnd < pageCount && isZero(zeroEnd)) zeroEnd++;
    const isRun = zeroEnd - page >= ZERO_RUN_MIN_PAGES;
    if (isRun) {
      if (page > start) runs.push(copied(bytes, start, page));
      runs.push({ start: page * PAGE_BYTES, end: zeroEnd * PAGE_BYTES, bytes: null });
      start = zeroEnd;
    }
    page = Math.max(zeroEnd, page + 1);
    if (page >= pageCount && start < pageCount) runs.push(copied(bytes, start, pageCount));
  }
  return runs;
}

function copied(bytes: Uint8Array, startPage: number, endPage: number): Run {
  const start = startPage * PAGE_BYTES;
  const end = endPage * PAGE_BYTES;
  return { start, end, bytes: bytes.slice(start, end) };
}
