/** Result codes of SQLite (sqlite.org/rescode.html) as its errors carry them: which of the primary ones an error has. */

export const SQLITE = {
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  tooBig: 18,
  auth: 23,
  notADatabase: 26,
} as const;

/** The low byte of the extended code; null for what is no error of SQLite's. */
export function primaryCode(error: unknown): number | null {
  const { code, errcode } = error as { code?: string; errcode?: number };
  return code === "ERR_SQLITE_ERROR" ? (errcode ?? 0) & 0xff : null;
}
