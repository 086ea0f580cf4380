/**
 * Sizes and durations as people write them: "128m", "64k", "1.5gb", "30s", "7d".
 * Suffixes are powers of 1024, in any case; a bare number is bytes or
 * milliseconds. Everything else is refused with the accepted forms, because a
 * limit read wrongly is worse than a limit not set.
 */
import { fail, ok, type Result } from "./result.ts";

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

const SIZE_FORMS = 'use bytes or a number with k, m or g: 65536, 64k, "128m", 1gb';
const DURATION_FORMS = "use milliseconds or a number with ms, s, m, h or d: 250, 250ms, 30s, 5m, 1h";

const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: KIB,
  kb: KIB,
  kib: KIB,
  m: MIB,
  mb: MIB,
  mib: MIB,
  g: GIB,
  gb: GIB,
  gib: GIB,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** A whole number of bytes; the fault is a phrase that follows "<what> ". */
export function parseSize(text: string): Result<number, string> {
  return parseWithUnit(text, SIZE_UNITS, `is not a size: ${SIZE_FORMS}`);
}

/** A whole number of milliseconds; the fault is a phrase that follows "<what> ". */
export function parseDuration(text: string): Result<number, string> {
  return parseWithUnit(text, DURATION_UNITS, `is not a duration: ${DURATION_FORMS}`);
}

function parseWithUnit(text: string, units: Readonly<Record<string, number>>, fault: string): Result<number, string> {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]{0,3})$/i.exec(text.trim());
  if (match === null) return fail(fault);
  const unit = match[2]!.toLowerCase();
  if (!Object.hasOwn(units, unit)) return fail(fault);
  const value = Math.round(Number(match[1]) * units[unit]!);
  return Number.isSafeInteger(value) ? ok(value) : fail(fault);
}

/** 134217728 -> "128m": the shortest form that parseSize reads back to the same number. */
export function formatSize(bytes: number): string {
  for (const [suffix, unit] of [
    ["g", GIB],
    ["m", MIB],
    ["k", KIB],
  ] as const) {
    if (bytes >= unit && bytes % unit === 0) return `${bytes / unit}${suffix}`;
  }
  return String(bytes);
}

/** 30000 -> "30s": the shortest form that parseDuration reads back to the same number. */
export function formatDuration(ms: number): string {
  for (const [suffix, unit] of [
    ["h", HOUR_MS],
    ["m", MINUTE_MS],
    ["s", SECOND_MS],
  ] as const) {
    if (ms >= unit && ms % unit === 0) return `${ms / unit}${suffix}`;
  }
  return `${ms}ms`;
}

/** For people, not for reading back: 1536000 -> "1.5 MiB". */
export function describeBytes(bytes: number): string {
  if (bytes >= GIB) return `${trim(bytes / GIB)} GiB`;
  if (bytes >= MIB) return `${trim(bytes / MIB)} MiB`;
  if (bytes >= KIB) return `${trim(bytes / KIB)} KiB`;
  return `${bytes} B`;
}

function trim(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
}

/** "1 file", "2 files". */
export function describeCount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
