/**
 * Upload time: the moment an index names for a file (PEP 700), or none. Strict,
 * because Date.parse reads "1" and "foo 2001" as dates, and a text without a
 * zone by that of this machine: a cool-down must not rest on either.
 */

/** PEP 700 wants "Z"; offsets mean as clear a moment. */
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** Milliseconds of the epoch. */
export function parseUploadTime(text: string | null): number | null {
  if (text === null || !RFC_3339.test(text)) return null;
  const ms = Date.parse(text.toUpperCase());
  return Number.isNaN(ms) ? null : ms;
}

/** For reasons and answers: a moment beyond what a Date can hold is told as well. */
export function describeMoment(ms: number): string {
  const MOMENT_MAX_MS = 8.64e15;
  return Math.abs(ms) <= MOMENT_MAX_MS ? new Date(ms).toISOString() : "a time beyond the year 275760";
}
