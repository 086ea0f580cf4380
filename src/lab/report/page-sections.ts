/**
 * The parts of the page, each a heading that says what is seen, with units,
 * and the figures under it. Everything a plot shows stands in a table too, for
 * those who see none. Markup only through `html`, which escapes.
 */
import { quantileName } from "../../stats/quantile.ts";
import { samplesForQuantile } from "../../stats/quantile-interval.ts";
import { type LoadResult, PHASES, type Phase, type SecondPoint } from "../load/result.ts";
import { auditLines, behindText, errorLines, interruptedText, isOpenLoop, omissionText, stallText } from "./findings.ts";
import { formatCount, formatRate, formatShare, spacedUs } from "./format.ts";
import { type Html, html } from "./markup.ts";
import { wholeSeconds } from "./page-data.ts";
import { estimateQuantile, quantileOf, REPORTED_QUANTILES } from "./quantile-estimate.ts";
import type { ThresholdOutcome } from "./thresholds.ts";

export function banners(result: LoadResult, outcomes: readonly ThresholdOutcome[]): Html[] {
  const { invalidBecause } = result.audit;
  const interrupted = interruptedText(result);
  const missed = outcomes.filter(({ passed }) => !passed);
  const all: Html[] = [];
  if (invalidBecause.length > 0) {
    const reasons = html`<ul>${invalidBecause.map((reason) => html`<li>${reason}</li>`)}</ul>`;
    all.push(banner("bad loud", "✕", "INVALID: don't use these figures", reasons));
  }
  const behind = behindText(result);
  if (behind !== null) all.push(banner("warn", "!", behind.observed, html`<p>${behind.mend}</p>`));
  if (interrupted !== null) all.push(banner("warn", "!", interrupted, null));
  if (missed.length > 0) {
    const title = `${missed.length} of ${outcomes.length} ${outcomes.length === 1 ? "threshold" : "thresholds"} not reached`;
    all.push(banner("bad", "✕", title, html`<p>${missed.map(({ threshold, why }) => `${threshold.text} (${why})`).join("; ")}</p>`));
  }
  if (all.length === 0) {
    const reached =
      outcomes.length === 0
        ? ""
        : outcomes.length === 1
          ? ", and the threshold is reached"
          : `, and all ${outcomes.length} thresholds are reached`;
    all.push(banner("good", "✓", `Valid: the generator kept up${reached}`, html`<p>${keptUpText(result)}</p>`));
  }
  const stall = stallText(result);
  if (stall !== null) all.push(banner("warn", "!", stall.observed, html`<p>${stall.cause} ${stall.mend}</p>`));
  return all;
}

function banner(kind: string, sign: string, title: string, body: Html | null): Html {
  return html`<div class="banner ${kind}" role="status"><span class="sign" aria-hidden="true">${sign}</span><strong>${title}</strong>${body}</div>`;
}

function keptUpText({ audit }: LoadResult): string {
  const { targetPerSecond, achievedPerSecond, droppedCount, lateness, eventLoopLag } = audit;
  if (targetPerSecond === null)
    return `Its event loop was at most ${spacedUs(eventLoopLag.p99Us)} late, 99% of the time: an answer was timed when it came.`;
  const dropped = droppedCount === 0 ? "dropped none" : `dropped ${formatCount(droppedCount)}`;
  return `It sent ${formatRate(achievedPerSecond)} of ${formatRate(targetPerSecond)} requests a second, ${dropped}; 99% of what was due left within ${spacedUs(lateness.p99Us)}.`;
}

export function keyFigures(result: LoadResult): Html {
  const { audit, latency, requestCount, failedCount } = result;
  const p99 = estimateQuantile(result, 0.99);
  const interval = p99.interval === null ? "" : `95% sure: ${spacedUs(p99.interval.low)} to ${spacedUs(p99.interval.high)}; `;
  const p99Under = p99.tooFew ?? `${interval}uncorrected ${spacedUs(result.uncorrected.p99Us)}`;
  const target =
    audit.targetPerSecond === null ? `${formatCount(result.usersMaxCount)} users` : `of ${formatRate(audit.targetPerSecond)}/s aimed at`;
  const has = latency.count > 0;
  return html`<dl class="figures ${audit.invalidBecause.length > 0 ? "invalid" : ""}">
    ${figure("p99 latency", p99.tooFew === null ? valueUnit(spacedUs(p99.us)) : valueUnit("–"), p99Under, "main")}
    ${figure("Median latency", valueUnit(has ? spacedUs(latency.medianUs) : "–"), has ? `mean ${spacedUs(latency.meanUs)}` : "no answer passed")}
    ${figure("Slowest", valueUnit(has ? spacedUs(latency.maxUs) : "–"), `of ${formatCount(latency.count)} answers`)}
    ${figure("Requests a second", valueUnit(formatRate(audit.achievedPerSecond)), target)}
    ${figure("Failed", valueUnit(formatShare(requestCount === 0 ? 0 : failedCount / requestCount)), `${formatCount(failedCount)} of ${formatCount(requestCount)}`)}
  </dl>`;
}

/** A figure and its unit stay on one line. */
function unbroken(text: string): string {
  return text.replace(/(\d) (?=[nµm]?s(?![a-z]))/g, "$1\u00a0");
}

function figure(name: string, value: Html, under: string, kind = ""): Html {
  return html`<div class="${kind}"><dt>${name}</dt><dd class="value">${value}</dd><dd class="under">${under}</dd></div>`;
}

/** "801 ms": the unit smaller than the figure. */
function valueUnit(text: string): Html {
  const [value, unit] = text.split(" ");
  return unit === undefined ? html`${value!}` : html`${value!} <small>${unit}</small>`;
}

export function latencySection(result: LoadResult): Html {
  if (result.latency.count === 0) {
    return html`<section><h2>No latency: no answer passed its checks</h2><p class="says">What went wrong is listed under errors.</p></section>`;
  }
  const p99 = estimateQuantile(result, 0.99);
  const title =
    p99.tooFew === null
      ? `99% of the answers came within ${spacedUs(p99.us)}`
      : `Half of the answers came within ${spacedUs(result.latency.medianUs)}`;
  const omission = omissionText(result);
  return html`<section>
    <h2>${unbroken(title)}</h2>
    <p class="says">Share of answers (on a scale of nines) at or below each latency (logarithmic), counted from the moment a request was due and, uncorrected, from the moment it was sent.</p>
    <div class="beside">
    <figure id="plot-cdf" role="img" aria-label="Distribution of latency, corrected and uncorrected; the table holds its quantiles"></figure>
    ${quantileTable(result)}
    </div>
    ${omission === null ? null : html`<p class="note">${omission}</p>`}
  </section>`;
}

function quantileTable(result: LoadResult): Html {
  const estimates = REPORTED_QUANTILES.map((quantile) => estimateQuantile(result, quantile));
  const hasIntervals = estimates.some(({ interval }) => interval !== null);
  const intervalCell = (text: string) => (hasIntervals ? html`<td class="number dim wide">${text}</td>` : null);
  const rows = estimates.map(({ quantile, us, interval, tooFew }) => {
    const name = html`<td>${quantileName(quantile)}</td>`;
    if (tooFew !== null) return html`<tr>${name}<td class="dim right" colspan="3">${tooFew}</td></tr>`;
    const range = intervalCell(interval === null ? "–" : `${spacedUs(interval.low)} to ${spacedUs(interval.high)}`);
    return html`<tr>${name}<td class="number">${spacedUs(us)}</td>${range}<td class="number">${spacedUs(quantileOf(result.uncorrected, quantile))}</td></tr>`;
  });
  return html`<div><table>
    <tr><th>Latency</th><th class="number">Corrected</th>${hasIntervals ? html`<th class="number wide">95% interval</th>` : null}<th class="number">Uncorrected</th></tr>
    ${rows}
    <tr><td>slowest</td><td class="number">${spacedUs(result.latency.maxUs)}</td>${intervalCell("–")}<td class="number">${spacedUs(result.uncorrected.maxUs)}</td></tr>
  </table></div>`;
}

export function timeSection(result: LoadResult): Html {
  const perSecond = wholeSeconds(result);
  if (perSecond.length === 0) return html``;
  const neededCount = samplesForQuantile(0.99);
  // A second with few answers has a median to speak of, and no p99.
  const isDense = perSecond.every(({ completedCount }) => completedCount === 0 || completedCount >= neededCount);
  const slowness = ({ p99Us, medianUs }: SecondPoint) => (isDense ? p99Us : medianUs);
  const worst = perSecond.reduce((most, each) => (slowness(each) > slowness(most) ? each : most));
  const sparse = isDense ? "" : ` A p99 of fewer than ${neededCount} answers is little but the slowest of them.`;
  const least = perSecond.reduce((fewest, each) => (each.completedCount < fewest.completedCount ? each : fewest));
  return html`<div class="pair">
    <section>
      <h2>${unbroken(`The slowest second, ${worst.second}, had a ${isDense ? "p99" : "median"} of ${spacedUs(slowness(worst))}`)}</h2>
      <p class="says">p99 and median latency of the answers that came in each second (logarithmic).${sparse}</p>
      <figure id="plot-latency" role="img" aria-label="Latency in each second of the run"></figure>
    </section>
    <section>
      <h2>The leanest second, ${least.second}, had ${formatCount(least.completedCount)} answers</h2>
      <p class="says">Answers a second: passed, failed, and how many requests were due.</p>
      <figure id="plot-throughput" role="img" aria-label="Answers in each second of the run, against the target"></figure>
    </section>
  </div>`;
}

const PHASE_NAMES: Readonly<Record<Phase, string>> = {
  blocked: "blocked",
  connecting: "connecting",
  tls_handshaking: "TLS handshake",
  sending: "sending",
  waiting: "waiting",
  receiving: "receiving",
};

const PHASE_DOING: Readonly<Record<Phase, string>> = {
  blocked: "waiting for a connection",
  connecting: "connecting",
  tls_handshaking: "in the TLS handshake",
  sending: "sending it",
  waiting: "waiting for the first byte",
  receiving: "receiving the answer",
};

/** Two digits are enough to compare by. */
function shortShare(share: number): string {
  return share === 0 ? "0%" : share < 0.001 ? "<0.1%" : `${Number((share * 100).toPrecision(2))}%`;
}

export function phaseSection(result: LoadResult): Html {
  const total = PHASES.reduce((sum, phase) => sum + result.phases[phase].meanUs, 0);
  if (total === 0) return html``;
  const share = (phase: Phase) => result.phases[phase].meanUs / total;
  const most = PHASES.reduce((largest, phase) => (share(phase) > share(largest) ? phase : largest));
  const bar = PHASES.filter((phase) => share(phase) > 0).map(
    (phase) =>
      html`<span style="flex:${share(phase).toFixed(5)} 0 0;background:var(--${phase})" title="${PHASE_NAMES[phase]}: ${shortShare(share(phase))}"></span>`,
  );
  const rows = PHASES.map((phase) => {
    const { meanUs, medianUs, p99Us } = result.phases[phase];
    const name = html`<td class="nowrap"><span class="key" style="background:var(--${phase})"></span>${PHASE_NAMES[phase]}</td>`;
    return html`<tr>${name}<td class="number">${shortShare(share(phase))}</td><td class="number">${spacedUs(meanUs)}</td><td class="number wide">${spacedUs(medianUs)}</td><td class="number">${spacedUs(p99Us)}</td></tr>`;
  });
  return html`<section>
    <h2>${shortShare(share(most))} of a request's time is spent ${PHASE_DOING[most]}</h2>
    <p class="says">Where the mean request spends its time, from when it was due to the last byte.</p>
    <div class="stack" aria-hidden="true">${bar}</div>
    <div class="scroll"><table><tr><th>Phase</th><th class="number">Share</th><th class="number">Mean</th><th class="number wide">Median</th><th class="number">p99</th></tr>${rows}</table></div>
  </section>`;
}

export function histogramSection(result: LoadResult): Html {
  if (result.latency.count === 0) return html``;
  const { medianUs, p90Us } = result.latency;
  return html`<section>
    <h2>${unbroken(`Half of the answers took up to ${spacedUs(medianUs)}, one in ten over ${spacedUs(p90Us)}`)}</h2>
    <p class="says">Number of answers by corrected latency (logarithmic, 16 bins to a decade).</p>
    <figure id="plot-histogram" role="img" aria-label="Histogram of corrected latency"></figure>
  </section>`;
}

export function errorSection(result: LoadResult): Html {
  const lines = errorLines(result);
  if (lines.length === 0) return html`<section><h2>No request failed</h2><p class="says">Statuses: ${statusText(result)}.</p></section>`;
  const rows = lines.map(
    ({ what, count, share, example }) =>
      html`<tr><td class="nowrap">${what}</td><td class="number">${formatCount(count)} <span class="dim">(${formatShare(share)})</span></td><td class="text"><code>${example}</code></td></tr>`,
  );
  return html`<section>
    <h2>${formatCount(result.failedCount)} of ${formatCount(result.requestCount)} requests failed</h2>
    <p class="says">Failed requests are not in the latency. Statuses: ${statusText(result)}.</p>
    <table class="stacked"><tr><th>Error</th><th class="number">Requests</th><th>For example</th></tr>${rows}</table>
  </section>`;
}

function statusText({ statuses }: LoadResult): string {
  const counts = Object.entries(statuses).map(([status, count]) => `${status} (${formatCount(count)})`);
  return counts.join(", ") || "none, for nothing answered";
}

export function thresholdSection(outcomes: readonly ThresholdOutcome[]): Html {
  if (outcomes.length === 0) return html``;
  const rows = outcomes.map(
    ({ threshold, passed, why }) =>
      html`<tr><td class="nowrap"><code>${threshold.text}</code></td><td class="${passed ? "pass" : "miss"}">${passed ? "✓ reached" : "✕ not reached"}</td><td class="text">${why}</td></tr>`,
  );
  const reached = outcomes.filter(({ passed }) => passed).length;
  return html`<section><h2>${reached} of ${outcomes.length} thresholds reached</h2><table class="stacked">${rows}</table></section>`;
}

export function auditSection(result: LoadResult): Html {
  const rows = auditLines(result).map(
    ({ name, value, meaning }) =>
      html`<tr><td class="nowrap">${name}</td><td class="number">${value}</td><td class="dim text">${meaning}</td></tr>`,
  );
  const title = result.audit.invalidBecause.length === 0 ? "The generator was not the bottleneck" : "The generator did not keep up";
  return html`<section><h2>${title}</h2><p class="says">What the load generator measured of itself.</p><table class="stacked">${rows}</table></section>`;
}
