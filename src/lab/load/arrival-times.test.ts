import assert from "node:assert/strict";
import { test } from "node:test";
import { arrivalTimes, dueCount, scheduleMs } from "./arrival-times.ts";
import type { Arrivals } from "./plan.ts";

type Shape = Parameters<typeof arrivalTimes>[0];

function shape(arrivals: Exclude<Arrivals, { kind: "closed" }>, durationMs: number | null = 10_000, warmUpMs = 0): Shape {
  return { arrivals, durationMs, warmUpMs, seed: 1 };
}

test("a constant rate is as many as asked, evenly spaced from the start", () => {
  const times = [...arrivalTimes(shape({ kind: "constant", perSecond: 1_000 }))];
  assert.equal(times.length, 10_000);
  assert.equal(times[0], 0);
  for (const [index, time] of times.entries()) assert.ok(Math.abs(time - index) < 1e-6);
});

test("the schedule of a count ends when the last of them has had its time", () => {
  const ends = (arrivals: Exclude<Arrivals, { kind: "closed" }>, requestMaxCount: number | null, durationMs: number | null = null) =>
    scheduleMs({ ...shape(arrivals, durationMs, 5_000), requestMaxCount });
  assert.equal(ends({ kind: "constant", perSecond: 600 }, 1_200), 2_000);
  assert.equal(ends({ kind: "constant", perSecond: 600 }, 1_200, 1_000), 1_000);
  assert.equal(ends({ kind: "constant", perSecond: 600 }, null, 1_000), 1_000);
  const steps = [100, 200].map((perSecond) => ({ perSecond, durationMs: 1_000 }));
  assert.equal(ends({ kind: "steps", steps }, 200), 1_500);
  assert.equal(ends({ kind: "steps", steps }, 9_000), 2_000);
});

test("threads together send exactly what one alone would", () => {
  for (const arrivals of [
    { kind: "constant", perSecond: 333 },
    { kind: "poisson", perSecond: 333 },
    { kind: "ramp", fromPerSecond: 10, toPerSecond: 500 },
  ] as const) {
    const alone = [...arrivalTimes(shape(arrivals))];
    const together = [0, 1, 2].flatMap((thread) => [...arrivalTimes(shape(arrivals), 3, thread)]).sort((a, b) => a - b);
    assert.deepEqual(together, alone);
  }
});

test("warm-up goes before zero, at the first rate", () => {
  const times = [
    ...arrivalTimes(
      shape(
        {
          kind: "steps",
          steps: [
            { perSecond: 10, durationMs: 1_000 },
            { perSecond: 100, durationMs: 1_000 },
          ],
        },
        null,
        500,
      ),
    ),
  ];
  assert.equal(times.filter((time) => time < 0).length, 5);
  assert.equal(times.filter((time) => time >= 0 && time < 1_000).length, 10);
  assert.equal(times.filter((time) => time >= 1_000).length, 100);
});

test("a ramp sends the area under it, ever closer together", () => {
  const times = [...arrivalTimes(shape({ kind: "ramp", fromPerSecond: 0, toPerSecond: 200 }))];
  assert.equal(times.length, 1_000);
  // Half the time is a quarter of the area.
  assert.ok(Math.abs(times.filter((time) => time < 5_000).length - 250) <= 1);
  const falling = [...arrivalTimes(shape({ kind: "ramp", fromPerSecond: 200, toPerSecond: 0 }))];
  assert.equal(falling.length, 1_000);
  assert.ok(falling.every((time, at) => at === 0 || time > falling[at - 1]!));
});

test("Poisson gaps have their mean and deviation, and their seed", () => {
  const of = (seed: number) => [...arrivalTimes({ ...shape({ kind: "poisson", perSecond: 1_000 }, 20_000), seed })];
  const times = of(5);
  const gaps = times.map((time, at) => time - (times[at - 1] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  assert.ok(Math.abs(mean - 1) < 0.03, `mean ${mean}`);
  assert.ok(Math.abs(deviation - 1) < 0.05, `deviation ${deviation}`);
  assert.deepEqual(of(5), times);
  assert.notDeepEqual(of(6), times);
});

test("what is due in a part of the run is what the schedule sends there", () => {
  const steps = shape(
    {
      kind: "steps",
      steps: [
        { perSecond: 10, durationMs: 1_500 },
        { perSecond: 40, durationMs: 1_500 },
      ],
    },
    null,
  );
  assert.deepEqual(
    [0, 1_000, 2_000].map((from) => dueCount(steps, from, from + 1_000)),
    [10, 25, 40],
  );
});
