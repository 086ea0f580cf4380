/**
 * A process that writes to a store until it is killed. Usage: DATA_DIR NAME.
 * Prints a line for each write, after it was acknowledged and not before.
 */
import { writeSync } from "node:fs";
import { openStore } from "../../src/store/store.ts";

const LANES = 8;

const [dataDir = "", name = ""] = process.argv.slice(2);
const store = openStore({ dataDir, onStuck: () => process.abort() });

async function write(lane: number): Promise<void> {
  for (let count = 0; ; count++) {
    const text = `${name}-${lane}-${count}`;
    const bytes = Buffer.from(text);
    const results = await Promise.all([
      store.kv.put("k", bytes, bytes, null),
      store.jobs.enqueue({ queue: "topic/t", payload: bytes, idempotencyKey: text }),
      store.blobs.put("b", bytes, bytes, null),
      store.sql.run("f", "s", "query", [{ sql: "INSERT INTO t (text) VALUES (?)", params: [text] }]),
    ]);
    for (const result of results) if (!result.ok) throw new Error(`${result.failure.code} ${result.failure.message}`);
    writeSync(1, `${text}\n`);
  }
}

await store.sql.run("f", "s", "query", [{ sql: "CREATE TABLE IF NOT EXISTS t (text TEXT)" }]);
await Promise.all(Array.from({ length: LANES }, (_, lane) => write(lane)));
