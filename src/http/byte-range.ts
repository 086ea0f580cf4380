/**
 * Range requests (RFC 9110 section 14): one range of bytes, from a start or as
 * a suffix. Pure. What we don't understand, and requests for several ranges,
 * may be answered with the whole, so they are null and not an error.
 */
export interface ByteRange {
  readonly start: number;
  /** Inclusive, as in Content-Range. */
  readonly end: number;
}

const SINGLE_RANGE = /^bytes=[ \t]*(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))[ \t]*$/i;

export function parseRange(header: string, size: number): ByteRange | "unsatisfiable" | null {
  const parts = SINGLE_RANGE.exec(header);
  if (parts === null) return null;
  if (parts[3] !== undefined) {
    const suffix = Number(parts[3]);
    if (suffix === 0 || size === 0) return "unsatisfiable";
    return { start: Math.max(0, size - suffix), end: size - 1 };
  }
  const start = Number(parts[1]);
  const end = parts[2] === "" ? size - 1 : Math.min(Number(parts[2]), size - 1);
  // A backward range is invalid, and an invalid header is ignored.
  if (parts[2] !== "" && Number(parts[2]) < start) return null;
  return start >= size ? "unsatisfiable" : { start, end };
}
