import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "../../test/support/properties.ts";
import { holm } from "./holm.ts";
import { createRandom } from "./random.ts";
import { type JudgeOptions, judge, judgeSuite } from "./verdict.ts";

const OPTIONS: JudgeOptions = { minimumEffect: 0.05, alpha: 0.05, better: "lower", seed: 1, resampleCount: 1_000 };

/** Evenly spread around the level, width as a share of it. */
function spread(level: number, width: number, count = 12): number[] {
  return Array.from({ length: count }, (_, index) => level * (1 + width * ((((index * 5) % count) + 0.5) / count - 0.5)));
}

test("dearer is regressed where lower is better, and improved where higher is", () => {
  const [a, b] = [spread(100, 0.04), spread(110, 0.04)];
  assert.equal(judge(a, b, OPTIONS).verdict, "regressed");
  assert.equal(judge(a, b, { ...OPTIONS, better: "higher" }).verdict, "improved");
  assert.equal(judge(b, a, OPTIONS).verdict, "improved");
  assert.equal(judge(b, a, { ...OPTIONS, better: "higher" }).verdict, "regressed");
});

test("a verdict carries its figures and says in one sentence how it was reached", () => {
  const { ratio, interval, p, cliffsDelta, why, failure } = judge(spread(100, 0.04), spread(110, 0.04), OPTIONS);
  assert.equal(failure, null);
  assert.ok(Math.abs(ratio! - 1.1) < 1e-12);
  assert.ok(interval!.low > 1.07 && interval!.low < ratio! && interval!.high > ratio! && interval!.high < 1.13);
  assert.equal(interval!.confidence, 0.95);
  assert.ok(p! < 0.0001);
  assert.equal(cliffsDelta, 1);
  assert.match(why, /^the median is 10% higher \(95% interval \+[\d.]+% to \+[\d.]+%; p < 0\.0001\), and lower is better$/);
});

test("a difference that is certain and too small to matter is equal", () => {
  const judgement = judge(spread(100, 0.01), spread(102, 0.01), OPTIONS);
  assert.equal(judgement.verdict, "equal");
  assert.ok(judgement.p! < 0.001);
  assert.match(judgement.why, /2% higher .*wholly within the 5% that would matter$/);
});

test("a certain difference astride the minimum effect is inconclusive, and the sentence says why", () => {
  const judgement = judge(spread(100, 0.08), spread(104.5, 0.08), OPTIONS);
  assert.equal(judgement.verdict, "inconclusive");
  assert.match(judgement.why, /a difference, but not surely below or above the 5% that would matter; take more samples$/);
});

test("noise that could hide a difference that matters is inconclusive, never equal", () => {
  const judgement = judge(spread(100, 0.5), spread(101, 0.5), OPTIONS);
  assert.equal(judgement.verdict, "inconclusive");
  assert.match(judgement.why, /p is not below 0\.05, and a difference of more than 5% is not excluded/);
});

test("identical constant sides are equal", () => {
  const judgement = judge(new Array(6).fill(7), new Array(6).fill(7), OPTIONS);
  assert.equal(judgement.verdict, "equal");
  assert.equal(judgement.p, 1);
  assert.match(judgement.why, /^the median is the same \(95% interval \+0% to \+0%; p = 1\)/);
});

test("too few samples are inconclusive, name the count that is needed, and have no figures", () => {
  const judgement = judge([1, 2, 3, 4], spread(100, 0.1), OPTIONS);
  assert.equal(judgement.verdict, "inconclusive");
  assert.equal(judgement.failure?.code, "TOO_FEW_SAMPLES");
  assert.equal(judgement.why, "Cannot compute a verdict (first side) from 4 samples: at least 5 are needed");
  assert.deepEqual([judgement.ratio, judgement.interval, judgement.p, judgement.cliffsDelta], [null, null, null, null]);
});

test("a strict alpha needs more samples, because fewer can never reach it", () => {
  const judge6 = judge(spread(100, 0.01, 6), spread(200, 0.01, 6), { ...OPTIONS, alpha: 0.001 });
  assert.match(judge6.why, /from 6 samples: at least 7 are needed/);
  assert.equal(judge(spread(100, 0.01, 7), spread(200, 0.01, 7), { ...OPTIONS, alpha: 0.001 }).verdict, "regressed");
});

test("whatever the samples, no figure is NaN or infinite and nothing is thrown", () => {
  const samples = fc.array(fc.oneof(fc.double(), fc.double({ min: 0.1, max: 10, noNaN: true })), { maxLength: 20 });
  const usable = fc.array(fc.double({ min: 1e-90, max: 1e90, noNaN: true }), { minLength: 5, maxLength: 12 });
  fc.assert(
    fc.property(fc.oneof(samples, usable), fc.oneof(samples, usable), (a, b) => {
      const judgement = judge(a, b, { ...OPTIONS, resampleCount: 100 });
      if (judgement.failure !== null) return;
      const { ratio, interval, p, cliffsDelta } = judgement;
      for (const figure of [ratio, interval.low, interval.high, p, cliffsDelta]) assert.ok(Number.isFinite(figure));
    }),
  );
});

test("the unit does not matter: milliseconds and nanoseconds get one verdict", () => {
  const factors = fc.constantFrom(1e-6, 1e-3, 1024, 1e9);
  fc.assert(
    fc.property(factors, fc.integer({ min: 90, max: 115 }), (factor, level) => {
      const [a, b] = [spread(100, 0.06), spread(level, 0.06)];
      const scale = (values: number[]) => values.map((value) => value * factor);
      assert.equal(judge(a, b, OPTIONS).verdict, judge(scale(a), scale(b), OPTIONS).verdict);
    }),
    { numRuns: 40 },
  );
});

test("a suite keeps its order and its failures, and corrects p for the comparisons that could be made", () => {
  const suite = [
    { name: "cpu", a: spread(100, 0.04), b: spread(110, 0.04), better: "lower" as const },
    { name: "boot", a: [1, 2], b: [3, 4], better: "lower" as const },
    { name: "rps", a: spread(100, 0.3), b: spread(106, 0.3), better: "higher" as const },
    { name: "rss", a: spread(50, 0.02), b: spread(50.1, 0.02), better: "lower" as const },
  ];
  const judged = judgeSuite(suite, OPTIONS);
  assert.deepEqual(
    judged.map(({ name, judgement }) => [name, judgement.verdict]),
    [
      ["cpu", "regressed"],
      ["boot", "inconclusive"],
      ["rps", "inconclusive"],
      ["rss", "equal"],
    ],
  );
  const raw = suite.filter(({ name }) => name !== "boot").map(({ a, b, better }) => judge(a, b, { ...OPTIONS, better }).p!);
  assert.deepEqual(
    judged.filter(({ name }) => name !== "boot").map(({ judgement }) => judgement.p),
    holm(raw),
  );
});

test("a difference that one comparison would show is not claimed when it is the best of twenty", () => {
  const random = createRandom(4);
  const quiet = () => Array.from({ length: 8 }, () => 100 * (1 + 0.02 * (random() - 0.5)));
  const close = {
    a: [100, 101, 102, 103, 104, 105, 106, 107],
    b: [108, 108.5, 109, 110, 111, 106.5, 105.5, 103.5],
    better: "lower" as const,
  };
  const options = { ...OPTIONS, minimumEffect: 0.02 };
  assert.equal(judge(close.a, close.b, options).verdict, "regressed");
  const others = Array.from({ length: 19 }, (_, index) => ({ name: `other ${index}`, a: quiet(), b: quiet(), better: "lower" as const }));
  const [judged] = judgeSuite([{ name: "close", ...close }, ...others], options);
  assert.equal(judged?.judgement.verdict, "inconclusive");
  assert.match(judged.judgement.why, /p is not below 0\.05/);
});

test("in a suite too large for its samples no difference could be shown, and the count that could is named", () => {
  const suite = Array.from({ length: 5 }, (_, at) => ({
    name: `${at}`,
    a: spread(100, 0.02, 6),
    b: spread(120, 0.02, 6),
    better: "lower" as const,
  }));
  for (const { judgement } of judgeSuite(suite, { ...OPTIONS, isPaired: true })) {
    assert.equal(judgement.verdict, "inconclusive");
    assert.match(judgement.why, /6 samples a side can show no difference, however clear, among so many comparisons: 8 are needed$/);
  }
  const enough = suite.map((one) => ({ ...one, a: spread(100, 0.02, 8), b: spread(120, 0.02, 8) }));
  for (const { judgement } of judgeSuite(enough, { ...OPTIONS, isPaired: true })) assert.equal(judgement.verdict, "regressed");
  const alone = suite.slice(0, 1);
  assert.equal(judgeSuite(alone, { ...OPTIONS, isPaired: true })[0]?.judgement.verdict, "regressed");
});
