/**
 * Page form table: forms of pages as they were rendered and compressed, so that
 * a mirror that has started answers what it was asked before without its page
 * thread. A form belongs to a key, which names everything that it was made of,
 * and to the time for which the policy says the same. Bounded: forms can be
 * made again. Synchronous; throws what SQLite throws.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { KIB } from "../../base/units.ts";
import type { RenderedForm } from "./page-service.ts";

const FORMS_MAX = 5_000;
/** A page of 3,000 files takes 300 KB compressed. */
const FORM_MAX_BYTES = 512 * KIB;

/** For who only reads. */
export const FIND_PAGE_FORM = `SELECT tag, bytes, until_ms AS untilMs FROM page_form
  WHERE project = ? AND slot = ? AND key = ? AND made_ms <= ? AND (until_ms IS NULL OR until_ms > ?)`;

export class PageFormTable {
  readonly #put: StatementSync;
  readonly #trim: StatementSync;
  readonly #clear: StatementSync;

  constructor(database: DatabaseSync) {
    // What is replaced gets a new rowid, so the lowest are those made longest ago.
    this.#put = database.prepare("INSERT OR REPLACE INTO page_form VALUES (?, ?, ?, ?, ?, ?, ?)");
    this.#trim = database.prepare("DELETE FROM page_form WHERE rowid <= ?");
    this.#clear = database.prepare("DELETE FROM page_form");
  }

  put(project: string, slot: string, key: string, { tag, bytes, untilMs }: RenderedForm, madeMs: number): void {
    if (bytes.length > FORM_MAX_BYTES) return;
    const { lastInsertRowid } = this.#put.run(project, slot, key, madeMs, untilMs, tag, bytes);
    this.#trim.run(Number(lastInsertRowid) - FORMS_MAX);
  }

  /** When the database is full: pages are worth more. False when there was none. */
  clear(): boolean {
    return this.#clear.run().changes > 0;
  }
}
