import assert from "node:assert/strict";
import test from "node:test";
import { type FileConditions, planFile } from "./file-plan.ts";

const ETAG = '"abc"';
const NONE: FileConditions = { method: "GET", noneMatch: undefined, range: undefined, ifRange: undefined };

function plan(conditions: Partial<FileConditions>, etag: string | null = ETAG) {
  return planFile({ ...NONE, ...conditions }, etag, 1_000);
}

test("without conditions the whole is sent", () => {
  assert.deepEqual(plan({}), { do: "send", status: 200, start: 0, end: 1_000 });
});

test("a client that holds this version is told so, before its range is looked at", () => {
  assert.deepEqual(plan({ noneMatch: 'W/"abc", "other"', range: "bytes=0-1" }), { do: "not-modified" });
  assert.deepEqual(plan({ noneMatch: "*" }), { do: "not-modified" });
  assert.equal(plan({ noneMatch: ETAG }, null).do, "send");
});

test("one range, from a start or as a suffix, is a part", () => {
  assert.deepEqual(plan({ range: "bytes=10-19" }), { do: "send", status: 206, start: 10, end: 20 });
  assert.deepEqual(plan({ range: "bytes=-100" }), { do: "send", status: 206, start: 900, end: 1_000 });
  assert.deepEqual(plan({ range: "bytes=1000-" }), { do: "unsatisfiable" });
});

test("a range of another version, of HEAD, or that is not understood is the whole", () => {
  for (const conditions of [
    { range: "bytes=0-9", ifRange: '"old"' },
    { range: "bytes=0-9", ifRange: 'W/"abc"' },
    { range: "bytes=0-9", method: "HEAD" },
    { range: "bytes=0-1,4-5" },
    { range: "lines=1-2" },
  ]) {
    assert.deepEqual(plan(conditions), { do: "send", status: 200, start: 0, end: 1_000 });
  }
  assert.equal((plan({ range: "bytes=0-9", ifRange: ETAG }) as { status: number }).status, 206);
});
