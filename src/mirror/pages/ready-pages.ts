/**
 * Ready pages: what the database knows of a page and has ready of it, read on
 * the event loop in some microseconds while there is no page thread. A start
 * that was waited for, and a mirror that is seldom asked, need none. Whatever
 * isn't there, or can't be read, is null: the thread finds out and explains.
 * Closed before the thread opens the database: that may set a damaged file aside.
 */
import { existsSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { PolicyConfig } from "../../config/mirror-config.ts";
import type { PageBody } from "../simple/format.ts";
import { type AnswerRow, answerOf, COUNT_PROJECTS, SELECT_ANSWERS } from "./answer-row.ts";
import type { KeptAnswer } from "./kept-answer.ts";
import { pageFormKey, recipeOf } from "./page-form-key.ts";
import { FIND_PAGE_FORM } from "./page-form-table.ts";
import type { PageSource, RenderedForm } from "./page-service.ts";
import type { PageCoding } from "./pages.ts";

interface Reader {
  readonly database: DatabaseSync;
  readonly answers: StatementSync;
  readonly form: StatementSync;
}

export class ReadyPages {
  readonly #file: string;
  readonly #policy: PolicyConfig;
  #recipe: string | null = null;
  #reader: Reader | null = null;

  constructor(file: string, policy: PolicyConfig) {
    this.#file = file;
    this.#policy = policy;
  }

  /** Null where nothing is known: that is for the thread to say. */
  look(project: string): KeptAnswer[] | null {
    const rows = this.#read(({ answers }) => answers.all(project) as unknown as AnswerRow[]);
    return rows === null || rows.length === 0 ? null : rows.map(answerOf);
  }

  form(source: PageSource, body: PageBody, coding: PageCoding, nowMs: number): RenderedForm | null {
    if (source.kind === "own") return null;
    this.#recipe ??= recipeOf(this.#policy);
    const key = pageFormKey(source, this.#recipe);
    const row = this.#read(({ form }) => form.get(source.project, `${body} ${coding}`, key, nowMs, nowMs));
    return (row as RenderedForm | null | undefined) ?? null;
  }

  projectCount(): number {
    return this.#read(({ database }) => database.prepare(COUNT_PROJECTS).get()!["count"] as number) ?? 0;
  }

  close(): void {
    this.#reader?.database.close();
    this.#reader = null;
  }

  #read<Value>(use: (reader: Reader) => Value): Value | null {
    try {
      this.#reader ??= this.#opened();
      return this.#reader === null ? null : use(this.#reader);
    } catch {
      this.close();
      return null;
    }
  }

  #opened(): Reader | null {
    if (!existsSync(this.#file)) return null;
    // Waits for nobody: the thread can.
    const database = new DatabaseSync(this.#file, { readOnly: true, timeout: 0 });
    try {
      return { database, answers: database.prepare(SELECT_ANSWERS), form: database.prepare(FIND_PAGE_FORM) };
    } catch (error) {
      database.close();
      throw error;
    }
  }
}
