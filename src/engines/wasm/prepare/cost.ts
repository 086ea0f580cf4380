/**
 * Cost: what one run takes, in microseconds. The median of many after a
 * warm-up, as a process that is niced and shares its cores sees long gaps. Runs
 * of rivals must be taken in turns: what slows the machine slows all of them.
 */

const WARM_UP_MS = 100;
const WARM_UP_RUNS = 200;
const MEASURED_MS = 200;
const MEASURED_RUNS = 400;
/** However slow they are, so many runs of each. */
const RUNS_LEAST = 3;
const US_PER_MS = 1_000;

/** One for each of `runs`, in their order, to a tenth. */
export function costsUs(runs: readonly (() => void)[]): number[] {
  takeTurns(runs, WARM_UP_MS * runs.length, WARM_UP_RUNS);
  return takeTurns(runs, MEASURED_MS * runs.length, MEASURED_RUNS).map(medianUs);
}

function takeTurns(runs: readonly (() => void)[], budgetMs: number, mostRuns: number): number[][] {
  const samples: number[][] = runs.map(() => []);
  const startMs = performance.now();
  for (let round = 0; round < mostRuns; round++) {
    if (round >= RUNS_LEAST && performance.now() - startMs > budgetMs) break;
    for (const [index, run] of runs.entries()) {
      const beganMs = performance.now();
      run();
      samples[index]!.push((performance.now() - beganMs) * US_PER_MS);
    }
  }
  return samples;
}

function medianUs(samples: readonly number[]): number {
  const median = samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
  return Math.round(median * 10) / 10;
}
