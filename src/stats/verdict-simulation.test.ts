/**
 * What verdicts are worth, by seeded simulation: how often equals are told
 * apart, how often a real difference is found, and how often one that matters
 * is called equal. The noise has the shapes that benchmarks show.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "./random.ts";
import { pairsForInterval } from "./signed-rank.ts";
import { judge, judgeSuite, type Verdict } from "./verdict.ts";

type Noise = (random: () => number, share: number) => number;

/** Factors around 1; `share` is the standard deviation, or about that. */
const NOISES: Readonly<Record<string, Noise>> = {
  normal: (random, share) => 1 + share * gaussian(random),
  skewed: (random, share) => Math.exp(-share * Math.log(1 - random())),
  "heavy-tailed": (random, share) =>
    Math.exp((share * gaussian(random)) / Math.hypot(gaussian(random), gaussian(random), gaussian(random))),
  coarse: (random, share) => Math.round(100 * (1 + share * gaussian(random))) / 100,
};

const RULE = { alpha: 0.05, better: "lower", resampleCount: 400 } as const;

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

interface Setting {
  readonly noise: Noise;
  readonly share: number;
  readonly count: number;
  /** b over a. */
  readonly truth: number;
  readonly minimumEffect: number;
}

function draw(random: () => number, count: number, noise: Noise, share: number, level: number): number[] {
  return Array.from({ length: count }, () => level * noise(random, share));
}

function countVerdicts(runCount: number, { noise, share, count, truth, minimumEffect }: Setting): Record<Verdict, number> {
  const random = createRandom(20);
  const found: Record<Verdict, number> = { improved: 0, regressed: 0, equal: 0, inconclusive: 0 };
  for (let seed = 0; seed < runCount; seed++) {
    const a = draw(random, count, noise, share, 100);
    const b = draw(random, count, noise, share, 100 * truth);
    found[judge(a, b, { ...RULE, minimumEffect, seed }).verdict]++;
  }
  return found;
}

for (const [shape, noise] of Object.entries(NOISES)) {
  test(`equals under ${shape} noise are told apart in at most 5 of 100 runs, whatever the minimum effect`, () => {
    for (const count of [5, 10, 20]) {
      const { improved, regressed } = countVerdicts(800, { noise, share: 0.025, count, truth: 1, minimumEffect: 0 });
      assert.ok(improved + regressed <= 40, `${improved + regressed} of 800 with ${count} samples`);
    }
  });

  test(`10% more under 2 to 3% of ${shape} noise is found in at least 9 of 10 runs of 10 to 20 samples`, () => {
    for (const count of [10, 20]) {
      for (const share of [0.02, 0.03]) {
        const { regressed } = countVerdicts(200, { noise, share, count, truth: 1.1, minimumEffect: 0.05 });
        assert.ok(regressed >= 180, `${regressed} of 200 with ${count} samples and ${share} noise`);
      }
    }
  });

  test(`a difference of just the minimum effect under ${shape} noise is called equal in at most 5 of 100 runs`, () => {
    for (const truth of [0.95, 1.05]) {
      const { equal } = countVerdicts(400, { noise, share: 0.025, count: 10, truth, minimumEffect: 0.05 });
      assert.ok(equal <= 20, `${equal} of 400 at ${truth}`);
    }
  });
}

test("equals with 1% of noise are called equal in at least 9 of 10 runs: inconclusive is not the easy way out", () => {
  const { equal } = countVerdicts(200, { noise: NOISES["normal"]!, share: 0.01, count: 15, truth: 1, minimumEffect: 0.03 });
  assert.ok(equal >= 180, `${equal} of 200`);
});

/** As `bench ab` measures: both sides of a pair suffer the same, and much more than they differ by themselves. */
function drawPair(random: () => number, noise: Noise, truth: number): [a: number, b: number] {
  const shared = 100 * noise(random, 10 * OWN_SHARE);
  return [shared * noise(random, OWN_SHARE), shared * truth * noise(random, OWN_SHARE)];
}

const OWN_SHARE = 0.02;
const PAIR_MIN_COUNT = pairsForInterval(1 - RULE.alpha);

/** Until the interval of the ratio is as narrow as the minimum effect, as src/lab/ab/run-ab.ts does. */
function judgePairs(random: () => number, noise: Noise, truth: number, rule: { minimumEffect: number; most: number }) {
  const a: number[] = [];
  const b: number[] = [];
  for (;;) {
    const [one, other] = drawPair(random, noise, truth);
    a.push(one);
    b.push(other);
    const judgement = judge(a, b, { ...RULE, minimumEffect: rule.minimumEffect, isPaired: true, seed: 1 });
    const { interval } = judgement;
    const isPrecise = interval !== null && Math.log(interval.high / interval.low) <= Math.log1p(rule.minimumEffect);
    if (a.length >= rule.most || isPrecise) return { judgement, count: a.length };
  }
}

for (const [shape, noise] of Object.entries(NOISES)) {
  test(`pairs of equals under ${shape} noise, added until their ratio is precise, are told apart in at most 6 of 100 runs`, () => {
    const random = createRandom(21);
    const runCount = 800;
    for (const minimumEffect of [0.01, 0.03]) {
      let falseCount = 0;
      for (let run = 0; run < runCount; run++) {
        const { judgement, count } = judgePairs(random, noise, 1, { minimumEffect, most: 10 });
        assert.ok(count >= PAIR_MIN_COUNT);
        if (judgement.verdict === "improved" || judgement.verdict === "regressed") falseCount++;
      }
      assert.ok(falseCount <= 0.06 * runCount, `${falseCount} of ${runCount} at ${minimumEffect}`);
    }
  });

  test(`10% more in seven pairs under ${shape} noise is found in at least 9 of 10 runs, though what they share is ten times theirs`, () => {
    const random = createRandom(23);
    const runCount = 400;
    let foundCount = 0;
    for (let run = 0; run < runCount; run++) {
      const { judgement } = judgePairs(random, noise, 1.1, { minimumEffect: 0.03, most: 7 });
      if (judgement.verdict === "regressed") foundCount++;
    }
    assert.ok(foundCount >= 0.9 * runCount, `${foundCount} of ${runCount}`);
  });
}

test("a suite of ten equals has any false verdict in at most 5 of 100 runs", () => {
  const random = createRandom(22);
  const side = () => draw(random, 12, NOISES["normal"]!, 0.025, 100);
  const runCount = 200;
  let falseCount = 0;
  for (let seed = 0; seed < runCount; seed++) {
    const comparisons = Array.from({ length: 10 }, (_, index) => ({ name: `${index}`, a: side(), b: side(), better: "lower" as const }));
    const judged = judgeSuite(comparisons, { ...RULE, minimumEffect: 0, seed });
    if (judged.some(({ judgement }) => judgement.verdict === "improved" || judgement.verdict === "regressed")) falseCount++;
  }
  assert.ok(falseCount <= 0.05 * runCount, `${falseCount} of ${runCount}`);
});
