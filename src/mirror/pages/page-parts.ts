/**
 * Page parts: how many values or elements a page would become, counted before
 * anything is made of it. A few kilobytes of compressed "{}" or "1,1" are
 * millions of them, and a parser that has begun with them can't be stopped.
 */
import { hasMoreJsonParts } from "../../base/json-parts.ts";
import { countOccurrences } from "../../base/occurrences.ts";
import type { ContentText } from "./content-body.ts";

/** A project of 100,000 files has some 400,000. */
export const PARTS_MAX = 1_000_000;
/** A file has ten values, and each part about two: 100,000 files are a million. */
export const COMMAS_MAX = 2_000_000;

/** A phrase that follows "the answer: ", or null. */
export function tooManyParts({ parser, text }: ContentText): string | null {
  const isSwollen =
    parser === "json"
      ? hasMoreJsonParts(text, { objects: PARTS_MAX, commas: COMMAS_MAX })
      : countOccurrences(text, "<", PARTS_MAX) > PARTS_MAX;
  return isSwollen ? `it has more than ${PARTS_MAX} parts` : null;
}
