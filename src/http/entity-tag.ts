/**
 * Entity tags in conditional requests (RFC 9110 sections 8.8.3 and 13.1).
 * Pure. Our tags are strong, so the weak comparison only passes over the "W/"
 * that an intermediary may have put in front.
 */

/** If-None-Match: does the client hold this version already? */
export function matchesNoneMatch(header: string, etag: string): boolean {
  // Nearly every client sends back the one tag that it was given.
  if (header === etag) return true;
  return header.trim() === "*" || header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

/** If-Range by tag: strong comparison, so a weak tag never matches. */
export function matchesIfRange(header: string, etag: string): boolean {
  return header.trim() === etag;
}
