/**
 * How long a slice of load has to be. All users begin it at once, and what is
 * under way at its end is not counted, so that up to one answer of each user is
 * lost at the edge: servers that take 90 and 120 ms both finish two of a user
 * in a quarter of a second. Of a slice of 50 answers that is 2% at most. Pure.
 */
import type { ProcessSample } from "./plan.ts";

/** Long against the kernel's 10 ms of accounting and the opening of connections, short against what makes a machine waver. */
const SLICE_MIN_MS = 250;
/** One after the other, of a user. */
const ANSWERS_MIN = 50;
/** The measured median may lie above that of the warm-up. */
const ANSWERS_PLANNED = 75;
const US_PER_MS = 1_000;
const MS_PER_SECOND = 1_000;

/** Slices to a process, of equal length; one where nothing is known of the time that an answer takes. */
export function sliceCount(measuredMs: number, latencyMs: number | null): number {
  if (latencyMs === null) return 1;
  return Math.max(1, Math.floor(measuredMs / Math.max(SLICE_MIN_MS, latencyMs * ANSWERS_PLANNED)));
}

/** Why requests/s and latency say more of the slices' edges than of the servers, as a sentence; null where they don't. */
export function edgeProblem(samples: readonly Pick<ProcessSample, "sliceMs" | "p50Us">[]): string | null {
  const answersOf = ({ sliceMs, p50Us }: Pick<ProcessSample, "sliceMs" | "p50Us">): number => (sliceMs * US_PER_MS) / p50Us;
  const worst = samples.toSorted((one, other) => answersOf(one) - answersOf(other))[0];
  if (worst === undefined || !(answersOf(worst) < ANSWERS_MIN)) return null;
  const [sliceS, latencyMs] = [worst.sliceMs / MS_PER_SECOND, worst.p50Us / US_PER_MS];
  const neededS = Math.ceil((latencyMs * ANSWERS_PLANNED) / MS_PER_SECOND);
  return `slices of ${sliceS.toFixed(2)} s are too short for answers that take ${latencyMs.toPrecision(3)} ms: how each begins and ends would decide; raise --seconds to ${neededS}, and --max-time with it`;
}
