/**
 * The prototype of every function's env. Not enumerable, so that env still reads
 * as the texts it was given; a text of the same name hides the capability.
 */
import { blob } from "./blob.ts";
import { kv } from "./kv.ts";
import { lock } from "./lock.ts";
import { queue } from "./queue.ts";
import { sql } from "./sql.ts";

const apis = { KV: kv, SQL: sql, BLOB: blob, QUEUE: queue, LOCK: lock };

export const capabilities: object = Object.freeze(
  Object.defineProperties({}, Object.fromEntries(Object.entries(apis).map(([name, value]) => [name, { value }]))),
);
