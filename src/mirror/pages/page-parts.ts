/**
 * Page parts: how many objects or elements a page would become, counted before
 * anything is made of it. A few kilobytes of compressed "{}" are millions of
 * objects, and a parser that has begun with them can't be stopped.
 */
import { countOccurrences } from "../../base/occurrences.ts";
import type { ContentText } from "./content-body.ts";

/** A project of 100,000 files has some 400,000. */
export const PARTS_MAX = 1_000_000;

const OPENINGS: Readonly<Record<ContentText["parser"], readonly string[]>> = { json: ["{", "["], html: ["<"] };

/** A phrase that follows "the answer: ", or null. */
export function tooManyParts({ parser, text }: ContentText): string | null {
  const count = OPENINGS[parser].reduce((sum, opening) => sum + countOccurrences(text, opening, PARTS_MAX), 0);
  return count > PARTS_MAX ? `it has more than ${PARTS_MAX} parts` : null;
}
