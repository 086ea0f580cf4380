import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { after, test } from "node:test";
import { exampleResult } from "../../../test/support/example-result.ts";
import { writeCsv } from "./csv.ts";

const folder = await mkdtemp(join(tmpdir(), "pilotlight-csv-"));
after(() => rm(folder, { recursive: true }));

test("the file has a line for each request in send order, failed ones with status 0", async () => {
  const result = exampleResult({ seconds: 10 });
  const file = join(folder, "requests.csv");
  assert.ok((await writeCsv(result, file)).ok);
  const lines = (await readFile(file, "utf8")).split("\n");
  assert.equal(lines[0], "request_id,latency_us,start_us,status");
  assert.equal(lines.length, 10_000 + 2);
  assert.equal(lines.at(-1), "");
  assert.equal(lines[1], `1,${result.samples!.latencyUs[0]},0,200`);
  assert.match(lines[500]!, /^500,\d+,499000,0$/);
  assert.match(lines[10_000]!, /^10000,\d+,9999000,/);
  assert.deepEqual(await readdir(folder), ["requests.csv"]);
});

test("a slow reader is never given more than it takes", async () => {
  let waitingBytes = 0;
  let mostBytes = 0;
  let text = "";
  const slow = new Writable({
    highWaterMark: 1_024,
    write(chunk: Buffer, _encoding, done) {
      waitingBytes = slow.writableLength;
      mostBytes = Math.max(mostBytes, waitingBytes);
      text += chunk.toString();
      setImmediate(done);
    },
  });
  assert.ok((await writeCsv(exampleResult(), slow)).ok);
  assert.equal(text.split("\n").length, 20_000 + 2);
  assert.ok(mostBytes < text.length / 2, `${mostBytes} bytes waited`);
});

test("a reader that goes away ends the writing with a failure that says so", async () => {
  const leaving = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    },
  });
  const written = await writeCsv(exampleResult(), leaving);
  assert.ok(!written.ok);
  assert.match(written.failure.message, /the CSV: its reader went away \(EPIPE\)/);
  const late = await writeCsv(exampleResult(), leaving);
  assert.ok(!late.ok);
});

test("a run that kept no samples says how to get them", async () => {
  const written = await writeCsv({ ...exampleResult(), samples: null }, join(folder, "none.csv"));
  assert.ok(!written.ok);
  assert.equal(written.failure.code, "SAMPLES_NOT_KEPT");
});
