/**
 * The part of the page that shows the run second by second: two plots on one
 * axis, each under a heading that says what stands out in it, or that nothing
 * does. Which seconds are shown is page-data.ts's.
 */
import { samplesForQuantile } from "../../stats/quantile-interval.ts";
import type { LoadResult, SecondPoint } from "../load/result.ts";
import { formatCount, formatRate, spacedUs, unbroken } from "./format.ts";
import { type Html, html } from "./markup.ts";
import { shownSeconds, wholeSeconds } from "./page-data.ts";

export function timeSection(result: LoadResult): Html {
  const shown = shownSeconds(result).filter(({ latencyCount }) => latencyCount > 0);
  if (shown.length === 0) return html``;
  const neededCount = samplesForQuantile(0.99);
  const isDense = ({ latencyCount }: SecondPoint) => latencyCount >= neededCount;
  const sparse = shown.every(isDense) ? "" : ` A p99 of fewer than ${neededCount} answers is little but the slowest of them.`;
  return html`<div class="pair">
    <section>
      <h2>${unbroken(slowestText(result, shown, isDense))}</h2>
      <p class="says">p99 and median latency of the answers that came in each second (logarithmic).${sparse}</p>
      <figure id="plot-latency" role="img" aria-label="Latency in each second of the run"></figure>
    </section>
    <section>
      <h2>${leanestText(result)}</h2>
      <p class="says">Answers a second: passed, failed, and how many requests were due.</p>
      <figure id="plot-throughput" role="img" aria-label="Answers in each second of the run, against the target"></figure>
    </section>
  </div>`;
}

/** What differs by less is the same to who reads a heading. */
const FLAT_SHARE = 0.1;

function isFlat(low: number, high: number): boolean {
  return high - low <= high * FLAT_SHARE;
}

/** A second with few answers has a median to speak of, and no p99; where most are such, medians are compared. */
function slowestText({ durationMs }: LoadResult, shown: readonly SecondPoint[], isDense: (point: SecondPoint) => boolean): string {
  const hasP99s = shown.filter(isDense).length * 2 >= shown.length;
  const slowness = (point: SecondPoint) => (hasP99s && isDense(point) ? point.p99Us : point.medianUs);
  const worst = shown.reduce((most, each) => (slowness(each) > slowness(most) ? each : most));
  const name = hasP99s && isDense(worst) ? "p99" : "median";
  const bestUs = Math.min(...shown.map(slowness));
  const [low, high] = [spacedUs(bestUs), spacedUs(slowness(worst))];
  if (shown.length === 1) return `The ${name} was ${high}`;
  if (isFlat(bestUs, slowness(worst))) return `Steady: a ${name} of ${low === high ? low : `${low} to ${high}`} in every second`;
  const after = worst.second * 1_000 >= durationMs ? " (after the end)" : "";
  return `The slowest second, from ${worst.second} s${after}, had a ${name} of ${high}`;
}

function leanestText(result: LoadResult): string {
  const whole = wholeSeconds(result);
  if (whole.length < 2) return `${formatRate(result.passedPerSecond)} requests a second`;
  const least = whole.reduce((fewest, each) => (each.completedCount < fewest.completedCount ? each : fewest));
  const most = Math.max(...whole.map(({ completedCount }) => completedCount));
  const [low, high] = [formatCount(least.completedCount), formatCount(most)];
  if (low === high) return `Steady: ${low} answers in every second`;
  if (isFlat(least.completedCount, most)) return `Steady: ${low} to ${high} answers in every second`;
  return `The leanest second, from ${least.second} s, had ${low} ${least.completedCount === 1 ? "answer" : "answers"}, the fullest ${high}`;
}
