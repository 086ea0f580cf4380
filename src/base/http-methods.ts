/**
 * HTTP methods that an export of a function's module may be named after:
 * RFC 9110 without CONNECT and TRACE, PATCH, QUERY and WebDAV's (RFC 4918).
 * Any other name in capitals (LIMITS) is the author's own constant. The guest,
 * which imports nothing of src/, repeats this list in guest/handler.ts.
 */
export const HTTP_METHODS: ReadonlySet<string> = new Set(
  "GET HEAD POST PUT PATCH DELETE OPTIONS QUERY PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK".split(" "),
);
