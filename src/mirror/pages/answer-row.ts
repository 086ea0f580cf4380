/**
 * Answer row: how what an index said of a project lies in the database, for
 * the thread that writes it and for who only reads. Pure.
 */
import type { KeptAnswer } from "./kept-answer.ts";

export const SELECT_ANSWERS = `SELECT url, index_name AS "index", is_page AS isPage, checked_at AS checkedAtMs, etag,
  last_modified AS lastModified, is_forgotten AS isForgotten, hash AS contentHash FROM answer WHERE project = ?`;

/** Projects that some index has. */
export const COUNT_PROJECTS = "SELECT COUNT(*) AS count FROM answer WHERE is_page = 1 AND project <> ''";

export interface AnswerRow extends Omit<KeptAnswer, "isPage" | "isForgotten"> {
  readonly isPage: number;
  readonly isForgotten: number;
}

export function answerOf(row: AnswerRow): KeptAnswer {
  return { ...row, isPage: row.isPage === 1, isForgotten: row.isForgotten === 1 };
}
