/**
 * Log records: one JSON object a line, the same from the supervisor and from
 * the workers. Fixed fields come first and in one order, so that lines can be
 * read by eye and cut by simple tools. Redacts nothing: whoever logs a value
 * decides that it may be seen, and secrets must not get this far.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogRecord {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly function?: string | undefined;
  readonly requestId?: string | undefined;
  readonly [field: string]: unknown;
}

/** One record as a line, newline included. Never throws: a record that can't be printed is still reported. */
export function formatRecord(record: LogRecord): string {
  const { time, level, message, function: functionId, requestId, ...fields } = record;
  const fixed = { time: isoTime(time), level, function: functionId, requestId, message };
  try {
    return `${JSON.stringify({ ...fixed, ...fields })}\n`;
  } catch {
    // A cycle or a BigInt among the further fields.
    return `${JSON.stringify({ ...fixed, unprintable: Object.keys(fields) })}\n`;
  }
}

const LAST_TIME_MS = 8.64e15;

/** A guest may set its clock to nonsense; Date throws on it, a log line must not. */
function isoTime(timeMs: number): string {
  return new Date(Math.abs(timeMs) <= LAST_TIME_MS ? timeMs : 0).toISOString();
}
