/**
 * Page shelf: the database of pages for who must go on without it. A disk that
 * is full, read-only or damaged costs memory of what was fetched, not answers:
 * every access has a value for "it isn't there", and faults are collected for
 * the log. Synchronous: belongs on a thread.
 */
import type { DatabaseSync } from "node:sqlite";
import { SECOND_MS } from "../../base/units.ts";
import { type StoreFault, storeFault } from "../../store/store-fault.ts";
import { AnswerTable } from "./answer-table.ts";
import { ListFormTable } from "./list-form-table.ts";
import { PageFormTable } from "./page-form-table.ts";
import { isDamage, openPagesDatabase, PAGES_MAX_BYTES, setAside } from "./pages-database.ts";

/** A folder that can't be used is tried again, but not by every request. */
const REOPEN_AFTER_MS = 5 * SECOND_MS;

export interface PageTables {
  readonly answers: AnswerTable;
  readonly listForms: ListFormTable;
  readonly pageForms: PageFormTable;
}

export class PageShelf {
  readonly #file: string;
  readonly #maxBytes: number;
  #database: DatabaseSync | null = null;
  #tables: PageTables | null = null;
  #reopenAtMs = 0;
  #faults: StoreFault[] = [];

  constructor(file: string, maxBytes = PAGES_MAX_BYTES) {
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  get projectCount(): number {
    return this.#tables?.answers.projectCount ?? 0;
  }

  read<Value>(otherwise: Value, use: (tables: PageTables) => Value): Value {
    const tables = this.#opened();
    if (tables === null) return otherwise;
    try {
      return use(tables);
    } catch (error) {
      this.#note("read", error);
      return otherwise;
    }
  }

  /** False when it could not be written. */
  write(use: (tables: PageTables) => void): boolean {
    const tables = this.#opened();
    if (tables === null) return false;
    try {
      use(tables);
      return true;
    } catch (error) {
      return this.#note("write", error) === "STORAGE_FULL" && this.#writeAgain(tables, use);
    }
  }

  /** What went wrong since the last call. */
  takeFaults(): readonly StoreFault[] {
    return this.#faults.splice(0);
  }

  close(): void {
    this.#release();
    this.#reopenAtMs = Number.POSITIVE_INFINITY;
  }

  #release(): void {
    this.#database?.close();
    this.#database = null;
    this.#tables = null;
  }

  #writeAgain(tables: PageTables, use: (tables: PageTables) => void): boolean {
    try {
      if (!tables.pageForms.clear() && !tables.answers.makeRoom()) return false;
      use(tables);
      return true;
    } catch (error) {
      this.#note("write", error);
      return false;
    }
  }

  #opened(): PageTables | null {
    if (this.#tables !== null || performance.now() < this.#reopenAtMs) return this.#tables;
    this.#reopenAtMs = performance.now() + REOPEN_AFTER_MS;
    try {
      const { database, wasDamaged } = openPagesDatabase(this.#file, this.#maxBytes);
      if (wasDamaged) this.#noteDamage();
      this.#database = database;
      this.#tables = {
        answers: new AnswerTable(database),
        listForms: new ListFormTable(database),
        pageForms: new PageFormTable(database),
      };
    } catch (error) {
      this.#release();
      this.#note("open", error);
    }
    return this.#tables;
  }

  #note(action: "open" | "read" | "write", error: unknown): StoreFault["code"] {
    if (isDamage(error)) {
      this.#release();
      setAside(this.#file);
      this.#reopenAtMs = 0;
      this.#noteDamage();
      return "STORAGE_FAILED";
    }
    const fault = storeFault(`Cannot ${action} ${this.#file}`, error);
    if (fault === null) throw error;
    this.#faults.push(fault);
    return fault.code;
  }

  #noteDamage(): void {
    const message = `${this.#file} was damaged: it is set aside as ${this.#file}.damaged, and pages are fetched anew`;
    this.#faults.push({ code: "STORAGE_FAILED", message });
  }
}
