/**
 * Answer table: what each index said of each project, with the page itself
 * compressed. Bounded: of what no index has, the oldest go; when the database
 * is full, the pages that nobody has checked for the longest time.
 * Synchronous; throws what SQLite throws.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ZstdOptions } from "node:zlib";
import { builtin } from "../../base/builtin.ts";
import { type AnswerRow, answerOf, COUNT_PROJECTS, SELECT_ANSWERS } from "./answer-row.ts";
import { contentHashOf, type KeptAnswer, LIST } from "./kept-answer.ts";

/** Names that no index has: a client that makes up names must not fill the disk. */
const ABSENT_MAX = 100_000;
/** How many absent names are written between two looks at their number. */
const ABSENT_CHECK_EVERY = 1_000;
const ROOM_PAGES = 1_000;
/** 1.66 MB of JSON, CPU ms and KB: level 1: 3, 364; 3: 6, 402; 9: 37, 397. Digests dislike to be searched for patterns. */
const PAGE_LEVEL = 1;

export class AnswerTable {
  readonly #list: StatementSync;
  readonly #put: StatementSync;
  readonly #confirm: StatementSync;
  readonly #forget: StatementSync;
  readonly #page: StatementSync;
  readonly #drop: StatementSync;
  readonly #dropOthers: StatementSync;
  readonly #hasPage: StatementSync;
  readonly #count: StatementSync;
  readonly #absentCount: StatementSync;
  readonly #dropAbsent: StatementSync;
  readonly #dropOldest: StatementSync;
  #absentWritten = 0;
  #projectCount: number;

  constructor(database: DatabaseSync) {
    this.#list = database.prepare(SELECT_ANSWERS);
    this.#put = database.prepare("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)");
    this.#confirm = database.prepare(
      "UPDATE answer SET checked_at = ?, etag = ?, last_modified = ?, is_forgotten = 0 WHERE project = ? AND url = ?",
    );
    this.#forget = database.prepare("UPDATE answer SET is_forgotten = 1 WHERE project = ?");
    this.#page = database.prepare("SELECT page FROM answer WHERE project = ? AND url = ? AND hash = ? AND is_page = 1");
    this.#drop = database.prepare("DELETE FROM answer WHERE project = ? AND url = ?");
    this.#dropOthers = database.prepare("DELETE FROM answer WHERE project = ? AND url <> ? AND is_page = 1");
    this.#hasPage = database.prepare("SELECT 1 FROM answer WHERE project = ? AND is_page = 1");
    this.#count = database.prepare(COUNT_PROJECTS);
    this.#absentCount = database.prepare("SELECT COUNT(*) AS count FROM answer WHERE is_page = 0");
    // Where another index has the page, that the first ones don't is what makes it usable while they fail.
    this.#dropAbsent = database.prepare(`DELETE FROM answer WHERE rowid IN (SELECT rowid FROM answer AS a WHERE is_page = 0
      AND NOT EXISTS (SELECT 1 FROM answer AS p WHERE p.project = a.project AND p.is_page = 1) ORDER BY checked_at LIMIT ?)`);
    this.#dropOldest = database.prepare(`DELETE FROM answer WHERE rowid IN
      (SELECT rowid FROM answer WHERE is_page = 1 AND project <> '' ORDER BY checked_at LIMIT ?)`);
    this.#projectCount = this.#counted(this.#count);
  }

  /** Projects that some index has. */
  get projectCount(): number {
    return this.#projectCount;
  }

  of(project: string): KeptAnswer[] {
    return (this.#list.all(project) as unknown as AnswerRow[]).map(answerOf);
  }

  /** `content` is null where the index has none. A project has one page: what another index said of it goes. */
  put(project: string, answer: KeptAnswer, content: string | null): void {
    const { url, index, isPage, checkedAtMs, etag, lastModified, contentHash } = answer;
    const page = content === null ? null : builtin.zlib.zstdCompressSync(content, pageOptions());
    const before = this.#pages(project);
    this.#put.run(project, url, index, isPage ? 1 : 0, checkedAtMs, etag, lastModified, contentHash, page);
    if (isPage && project !== LIST) this.#dropOthers.run(project, url);
    if (!isPage && ++this.#absentWritten % ABSENT_CHECK_EVERY === 0) this.#forgetAbsent();
    if (project !== LIST) this.#projectCount += this.#pages(project) - before;
  }

  confirm(project: string, { url, checkedAtMs, etag, lastModified }: KeptAnswer): void {
    this.#confirm.run(checkedAtMs, etag, lastModified, project, url);
  }

  /** True when there was something. */
  forget(project: string): boolean {
    return this.#forget.run(project).changes > 0;
  }

  content(project: string, url: string, contentHash: string): string | null {
    const page = this.#page.get(project, url, contentHash)?.["page"] as Uint8Array | undefined;
    if (page === undefined) return null;
    const content = decompressed(page);
    if (content !== null && contentHashOf(content) === contentHash) return content;
    // It rotted, where SQLite can't see it: whoever asks for it fetches it anew.
    this.#drop.run(project, url);
    return null;
  }

  /** When the database is full. False when nothing is left to go. */
  makeRoom(): boolean {
    const hasRoom = this.#dropOldest.run(ROOM_PAGES).changes > 0;
    this.#projectCount = this.#counted(this.#count);
    return hasRoom;
  }

  /** 0 or 1. */
  #pages(project: string): number {
    return this.#hasPage.get(project) === undefined ? 0 : 1;
  }

  #forgetAbsent(): void {
    const surplus = this.#counted(this.#absentCount) - ABSENT_MAX;
    if (surplus > 0) this.#dropAbsent.run(surplus);
  }

  #counted(statement: StatementSync): number {
    return statement.get()!["count"] as number;
  }
}

function decompressed(page: Uint8Array): string | null {
  try {
    return builtin.zlib.zstdDecompressSync(page).toString();
  } catch {
    return null;
  }
}

function pageOptions(): ZstdOptions {
  return { params: { [builtin.zlib.constants.ZSTD_c_compressionLevel]: PAGE_LEVEL } };
}
