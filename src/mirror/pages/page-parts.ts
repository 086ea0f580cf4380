/**
 * Page parts: how many objects or elements a page would become, counted before
 * anything is made of it. A few kilobytes of compressed "{}" are millions of
 * objects, and a parser that has begun with them can't be stopped.
 */
import type { ContentText } from "./content-body.ts";

/** A project of 100,000 files has some 400,000. */
export const PARTS_MAX = 1_000_000;

const OPENINGS: Readonly<Record<ContentText["parser"], readonly string[]>> = { json: ["{", "["], html: ["<"] };

/** A phrase that follows "the answer: ", or null. */
export function tooManyParts({ parser, text }: ContentText): string | null {
  let count = 0;
  for (const opening of OPENINGS[parser]) {
    for (let at = text.indexOf(opening); at !== -1; at = text.indexOf(opening, at + 1)) {
      if (++count > PARTS_MAX) return `it has more than ${PARTS_MAX} parts`;
    }
  }
  return null;
}
