/**
 * JSON parts: whether a text holds more values than may be made of it, counted
 * before any is: a few megabytes of "1,1,1" become hundreds of them, and a
 * parser that has begun can't be stopped. Pure.
 */
import { countOccurrences } from "./occurrences.ts";

export interface JsonPartsMax {
  /** Objects, and as many arrays. */
  readonly objects: number;
  /** Values that follow another, in whatever object or array. */
  readonly commas: number;
}

const COMMA = ",".charCodeAt(0);
const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);

export function hasMoreJsonParts(text: string, max: JsonPartsMax): boolean {
  for (const opening of ["{", "["]) if (countOccurrences(text, opening, max.objects) > max.objects) return true;
  // Those within strings are told from others only where there are too many of both: that takes ten times as long.
  return countOccurrences(text, ",", max.commas) > max.commas && countCommas(text, max.commas) > max.commas;
}

/** Outside of strings. */
function countCommas(text: string, countMax: number): number {
  let count = 0;
  let isInString = false;
  for (let at = 0; at < text.length && count <= countMax; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) isInString = !isInString;
    else if (isInString && code === BACKSLASH) at++;
    else if (!isInString && code === COMMA) count++;
  }
  return count;
}
