import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../../test/support/properties.ts";
import { BEGINNING, type Head, judge, type Plan, type Progress, planNext, type Verdict } from "./resume.ts";

const ETAG = '"one"';
/** 400 of 1000 bytes of version "one" have come. */
const HALF: Progress = { nextBytes: 400, totalBytes: 1000, version: { etag: ETAG, lastModified: null, ifRange: ETAG }, mayRange: true };
const RANGE: Plan = planNext(HALF, true);
const WHOLE: Plan = { isRange: false, headers: {} };

function head(status: number, headers: Record<string, string> = {}): Head {
  return { status, header: (name) => headers[name] ?? null };
}

function taken(verdict: Verdict): Extract<Verdict, { do: "take" }> {
  assert.equal(verdict.do, "take");
  return verdict as Extract<Verdict, { do: "take" }>;
}

test("a download begins with the whole and goes on where it broke off, if the file is still the same", () => {
  assert.deepEqual(planNext(BEGINNING, true), WHOLE);
  assert.deepEqual(RANGE, { isRange: true, headers: { range: "bytes=400-", "if-range": ETAG } });
});

test("a weak validator never goes into If-Range: then the hash must tell, and without one it begins anew", () => {
  const weak = taken(judge(BEGINNING, WHOLE, head(200, { etag: 'W/"x"', "content-length": "1000" }), true)).progress;
  const half = { ...weak, nextBytes: 400 };
  assert.deepEqual(planNext(half, true).headers, { range: "bytes=400-" });
  assert.deepEqual(planNext(half, false), WHOLE);
});

test("a date is a validator only when the file was still as it was sent", () => {
  const at = (date: string, lastModified: string): Record<string, string> => {
    const { progress } = taken(judge(BEGINNING, WHOLE, head(200, { date, "last-modified": lastModified }), false));
    return planNext({ ...progress, nextBytes: 1 }, false).headers;
  };
  const old = "Fri, 20 Nov 2026 12:00:00 GMT";
  assert.deepEqual(at("Sat, 21 Nov 2026 12:00:00 GMT", old), { range: "bytes=1-", "if-range": old });
  assert.deepEqual(at(old, old), {});
  assert.deepEqual(at("never", old), {});
});

test("a part that fits is taken where it begins", () => {
  const verdict = taken(judge(HALF, RANGE, head(206, { "content-range": "bytes 400-999/1000", etag: ETAG }), false));
  assert.deepEqual([verdict.fromBytes, verdict.isAnew, verdict.progress.totalBytes], [400, false, 1000]);
});

test("a part that doesn't say of which version it is counts only where a hash will tell", () => {
  const date = "Fri, 20 Nov 2026 12:00:00 GMT";
  const dated: Progress = { ...HALF, version: { etag: null, lastModified: date, ifRange: date } };
  const mute = { "content-range": "bytes 400-999/1000" };
  for (const half of [HALF, dated]) {
    const plan = planNext(half, false);
    assert.equal(plan.isRange, true);
    assert.equal(taken(judge(half, plan, head(206, mute), true)).fromBytes, 400);
    const refused: Verdict = { do: "ask", isAnew: false, progress: { ...half, mayRange: false } };
    assert.deepEqual(judge(half, plan, head(206, mute), false), refused);
    assert.deepEqual(judge(half, plan, head(206, { ...mute, etag: 'W/"one"' }), false), refused);
  }
  assert.equal(taken(judge(HALF, RANGE, head(206, { ...mute, etag: ETAG }), false)).fromBytes, 400);
  assert.equal(taken(judge(dated, planNext(dated, false), head(206, { ...mute, "last-modified": date }), false)).fromBytes, 400);
});

test("a part that was not asked for, or contradicts itself, is not taken; the whole is asked for", () => {
  const wrong = [
    "bytes 0-999/1000",
    "bytes 401-999/1000",
    "bytes 400-1000/1000",
    "bytes 999-400/1000",
    "bytes 400-999",
    "items 400-999/1000",
    "",
  ];
  for (const range of wrong) {
    const verdict = judge(HALF, RANGE, head(206, { "content-range": range }), true);
    assert.deepEqual(verdict, { do: "ask", isAnew: false, progress: { ...HALF, mayRange: false } }, range);
    assert.equal(planNext({ ...HALF, mayRange: false }, true).isRange, false);
  }
  const short = judge(HALF, RANGE, head(206, { "content-range": "bytes 400-999/1000", "content-length": "5" }), true);
  assert.equal(short.do, "ask", "a length that is not the range's");
});

test("a part of another version makes everything before it void", () => {
  const others: Record<string, string>[] = [
    { "content-range": "bytes 400-1999/2000" },
    { "content-range": "bytes 400-999/1000", etag: '"two"' },
  ];
  const dated: Progress = { ...HALF, version: { etag: null, lastModified: "Fri, 20 Nov 2026 12:00:00 GMT", ifRange: null } };
  const later = { "content-range": "bytes 400-999/1000", "last-modified": "Sat, 21 Nov 2026 12:00:00 GMT" };
  assert.deepEqual(judge(dated, RANGE, head(206, later), true), { do: "ask", isAnew: true, progress: BEGINNING });
  for (const headers of others) {
    assert.deepEqual(judge(HALF, RANGE, head(206, headers), true), { do: "ask", isAnew: true, progress: BEGINNING });
  }
});

test("the whole of the same version is read past what has come, and ranges are not tried again", () => {
  const verdict = taken(judge(HALF, RANGE, head(200, { etag: ETAG, "content-length": "1000" }), false));
  assert.deepEqual([verdict.fromBytes, verdict.isAnew, verdict.progress.nextBytes, verdict.progress.mayRange], [0, false, 400, false]);
});

test("the whole of another version begins anew", () => {
  const verdict = taken(judge(HALF, RANGE, head(200, { etag: '"two"', "content-length": "1000" }), true));
  assert.deepEqual([verdict.isAnew, verdict.progress.nextBytes, verdict.progress.version?.etag], [true, 0, '"two"']);
  assert.equal(taken(judge(HALF, RANGE, head(200, { etag: ETAG, "content-length": "999" }), true)).isAnew, true, "another length");
});

test("where nothing tells versions apart, the whole continues only what a hash will check", () => {
  const unmarked: Progress = { ...HALF, version: { etag: null, lastModified: null, ifRange: null } };
  assert.equal(taken(judge(unmarked, WHOLE, head(200, { "content-length": "1000" }), true)).isAnew, false);
  assert.equal(taken(judge(unmarked, WHOLE, head(200, { "content-length": "1000" }), false)).isAnew, true);
});

test("a range past the end finishes a file of exactly that size, and means another file otherwise", () => {
  const all: Progress = { ...HALF, nextBytes: 1000, totalBytes: null };
  assert.equal(judge(all, RANGE, head(416, { "content-range": "bytes */1000" }), true).do, "finish");
  assert.equal(judge(all, RANGE, head(416, { "content-range": "bytes */1000", etag: ETAG }), false).do, "finish");
  assert.equal(judge(all, RANGE, head(416, { "content-range": "bytes */1000" }), false).do, "ask", "of which version is not known");
  assert.deepEqual(judge(HALF, RANGE, head(416, { "content-range": "bytes */300" }), true), {
    do: "ask",
    isAnew: true,
    progress: BEGINNING,
  });
  assert.deepEqual(judge(HALF, RANGE, head(416), true), { do: "ask", isAnew: false, progress: { ...HALF, mayRange: false } });
});

test("what was not asked for is a failure, and a file that is gone is gone", () => {
  assert.equal(judge(BEGINNING, WHOLE, head(206, { "content-range": "bytes 0-9/10" }), true).do, "fail");
  assert.equal(judge(BEGINNING, WHOLE, head(416), true).do, "fail");
  assert.equal(judge(HALF, RANGE, head(304), true).do, "fail");
  assert.deepEqual(judge(HALF, RANGE, head(404), true), { do: "fail", because: { status: 404 } });
});

test("whatever a server answers, taken bytes follow on those before and asking comes to an end", () => {
  const text = fc.option(fc.constantFrom(ETAG, '"two"', 'W/"one"', "x"), { nil: undefined });
  const range = fc.tuple(fc.integer({ min: 0, max: 1200 }), fc.integer({ min: 0, max: 1200 }), fc.constantFrom("1000", "2000", "*"));
  const answer = fc.record({
    status: fc.constantFrom(200, 206, 304, 404, 416),
    etag: text,
    range: fc.option(
      range.map(([first, last, total]) => `bytes ${first}-${last}/${total}`),
      { nil: undefined },
    ),
    length: fc.option(fc.constantFrom("1000", "600", "2000"), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(answer, { minLength: 1, maxLength: 12 }), fc.boolean(), (answers, isVerified) => {
      let progress = HALF;
      let asksInARow = 0;
      for (const { status, etag, range: contentRange, length } of answers) {
        const headers = Object.entries({ etag, "content-range": contentRange, "content-length": length });
        const plan = planNext(progress, isVerified);
        const verdict = judge(
          progress,
          plan,
          head(status, Object.fromEntries(headers.filter(([, value]) => value !== undefined)) as Record<string, string>),
          isVerified,
        );
        if (verdict.do === "fail" || verdict.do === "finish") return;
        assert.ok(verdict.do === "ask" || verdict.fromBytes <= verdict.progress.nextBytes, "no gap before a body");
        assert.ok(verdict.isAnew ? verdict.progress.nextBytes === 0 : verdict.progress.nextBytes === progress.nextBytes);
        asksInARow = verdict.do === "ask" ? asksInARow + 1 : 0;
        assert.ok(asksInARow <= 2, "an answer is refused once for its range, and then the whole is asked for");
        progress = verdict.progress;
      }
    }),
  );
});
