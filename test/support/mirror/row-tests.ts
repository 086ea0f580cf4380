/** Rows of the matrix, and other trials of a running mirror, as tests: what is found wrong is the message. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { Bench, type Row, runRow } from "./conformance.ts";
import { type Mirror, PILOTLIGHT_SUBJECT } from "./subject.ts";

export function testRows(rows: readonly Row[]): void {
  for (const row of rows) {
    test(`row ${row.id}: ${row.title}`, async (t) => {
      const outcome = await runRow(row, PILOTLIGHT_SUBJECT);
      if (outcome.kind === "skip") return t.skip(outcome.reason);
      for (const note of outcome.notes) t.diagnostic(note);
      assert.deepEqual(outcome.kind === "fail" ? outcome.problems : [], []);
    });
  }
}

export function mirrorTest(title: string, run: (bench: Bench, t: TestContext) => Promise<void>): void {
  test(title, async (t) => {
    await using bench = new Bench(PILOTLIGHT_SUBJECT);
    await run(bench, t);
    assert.deepEqual(bench.problems, []);
  });
}

/** The most memory that it ever had; 0 where the system doesn't say. */
export function peakMemoryBytes({ pid }: Mirror): number {
  if (process.platform !== "linux") return 0;
  const [, kib = "0"] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}
