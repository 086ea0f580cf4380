/** The host module `pilotlight`: error codes, needed lengths, bound parameters, all of it denied until allowed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { guest } from "./support/guests.ts";
import { startServer } from "./support/server.ts";

const ALLOW = { kv: ["main"], sql: ["main"], blob: ["main"], queue: ["jobs"], lock: ["main"] };
const built = await guest("c", "pilotlight-host");
const skip = "skipped" in built ? built.skipped : false;

async function answerWith(allow: object): Promise<string[]> {
  const server = await startServer({}, { functions: { host: { source: (built as { file: string }).file, contract: "command", allow } } });
  try {
    return (await (await fetch(`${server.url}/host`)).text()).trimEnd().split("\n");
  } finally {
    await server.stop();
  }
}

test("a guest keeps, asks, sends and locks, and hears of what it could not do by a code", { skip }, async () => {
  assert.deepEqual(await answerWith(ALLOW), [
    "kv_get absent 44",
    "kv_set 0",
    "kv_get small 68 7",
    "kv_get 0 a value",
    "kv_get outside 21",
    "kv_get denied 63",
    "kv_delete 0",
    "kv_delete again 44",
    'sql_query 0 [{"sum":42,"word":"O\'Brien"}]',
    "sql_query wrong 29",
    "blob_put 0",
    "blob_get 0 content",
    "queue_send 0",
    "lock_acquire 0",
    "lock_acquire held 10",
    "lock_release wrong 44",
    "lock_release 0",
    "http_get denied 63",
  ]);
});

test("without allow nothing is kept, asked, sent or locked", { skip }, async () => {
  // Pointers are looked at first, whatever is allowed.
  const lines = (await answerWith({})).filter((line) => line !== "kv_get outside 21");
  const codes = lines.map((line) => /(-?\d+)/.exec(line.replace(/^\w+ [a-z ]*/, ""))?.[1]);
  assert.deepEqual(new Set(codes), new Set(["63"]));
});
