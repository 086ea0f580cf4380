/**
 * Upload time: the moment an index names for a file (PEP 700), or none. Strict,
 * because Date.parse reads "1" and "foo 2001" as dates, the 31st of February
 * as a day in March, and a text without a zone by that of this machine: a
 * cool-down must not rest on any of these.
 */

/** PEP 700 wants "Z"; offsets mean as clear a moment. An hour 24 is none in RFC 3339. */
const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,12})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Milliseconds of the epoch. */
export function parseUploadTime(text: string | null): number | null {
  const [, year, month, day] = (text === null ? null : RFC_3339.exec(text)) ?? [];
  if (text === null || day === undefined || Number(day) < 1 || Number(day) > daysIn(Number(year), Number(month))) return null;
  const ms = Date.parse(text.toUpperCase());
  return Number.isNaN(ms) ? null : ms;
}

/** Of a month counted from 1; none in what is no month. */
function daysIn(year: number, month: number): number {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
}

/** For reasons and answers: a moment beyond what a Date can hold is told as well. */
export function describeMoment(ms: number): string {
  const MOMENT_MAX_MS = 8.64e15;
  return Math.abs(ms) <= MOMENT_MAX_MS ? new Date(ms).toISOString() : "a time beyond the year 275760";
}
