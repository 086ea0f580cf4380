/**
 * Header lines that several answers of the server's own share. One place, so
 * that a client reads the same words whoever refuses it.
 */
export const JSON_LINE = "content-type: application/json\r\n";
/** With a 502 or 503 whose cause is expected to pass within a second. */
export const RETRY_SOON_LINE = "retry-after: 1\r\n";
/** With a 503 whose cause takes some seconds: an index that is down, a queue that is full. */
export const RETRY_LATER_LINE = "retry-after: 5\r\n";
/** With what is true of this moment only, or of this asker. */
export const NO_STORE_LINE = "cache-control: no-store\r\n";
