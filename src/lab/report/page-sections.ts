/**
 * The parts of the page, each a heading that says what is seen, with units,
 * and the figures under it. Everything a plot shows stands in a table too, for
 * those who see none. Markup only through `html`, which escapes.
 */
import { quantileName } from "../../stats/quantile.ts";
import { samplesForQuantile } from "../../stats/quantile-interval.ts";
import { type Distribution, type LoadResult, PHASES, type Phase, REPORTED_QUANTILES } from "../load/result.ts";
import { auditLines, behindText, censoredText, errorLines, interruptedText, isOpenLoop, omissionText, stallText } from "./findings.ts";
import { bounded, formatCount, formatRate, formatShare, spacedUs, unbroken } from "./format.ts";
import { type Html, html } from "./markup.ts";
import { estimateQuantile, isKnown, isLowerBound, type QuantileEstimate, quantileOf } from "./quantile-estimate.ts";
import type { ThresholdOutcome } from "./thresholds.ts";

export function banners(result: LoadResult, outcomes: readonly ThresholdOutcome[]): Html[] {
  const { invalidBecause } = result.audit;
  const interrupted = interruptedText(result);
  const missed = outcomes.filter(({ passed, isJudged }) => isJudged && !passed);
  const all: Html[] = [];
  if (invalidBecause.length > 0) {
    const reasons = html`<ul>${invalidBecause.map((reason) => html`<li>${reason}</li>`)}</ul>`;
    all.push(banner("bad loud", "✕", "INVALID: don't use these figures", reasons));
  }
  const behind = behindText(result);
  if (behind !== null) all.push(banner("warn", "!", behind.observed, html`<p>${behind.mend}</p>`));
  if (interrupted !== null) all.push(banner("warn", "!", interrupted, null));
  if (missed.length > 0) {
    const title = `${missed.length} of ${outcomes.length} ${outcomes.length === 1 ? "threshold" : "thresholds"} missed`;
    all.push(banner("bad", "✕", title, html`<p>${missed.map(({ threshold, why }) => `${threshold.text} (${why})`).join("; ")}</p>`));
  }
  if (all.length === 0) {
    const reached =
      outcomes.length === 0
        ? ""
        : outcomes.length === 1
          ? ", and the threshold is kept"
          : `, and all ${outcomes.length} thresholds are kept`;
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
  const { targetPerSecond, achievedPerSecond, droppedCount, lateness } = audit;
  if (targetPerSecond === null)
    return `Its threads were busy for ${formatShare(audit.threadUtilization)} of the time: the pace was the server's.`;
  const dropped = droppedCount === 0 ? "dropped none" : `dropped ${formatCount(droppedCount)}`;
  return `It sent ${formatRate(achievedPerSecond)} of ${formatRate(targetPerSecond)} requests a second, ${dropped}; 99% of what was due left within ${spacedUs(lateness.p99Us)}.`;
}

export function keyFigures(result: LoadResult): Html {
  const { audit, latency, requestCount, failedCount } = result;
  const p99 = estimateQuantile(result, 0.99);
  const interval = p99.interval === null ? "" : `95% sure: ${spacedUs(p99.interval.low)} to ${spacedUs(p99.interval.high)}; `;
  const uncorrectedP99 = bounded(spacedUs(result.uncorrected.p99Us), isLowerBound(result.uncorrected, 0.99));
  const uncorrected = isOpenLoop(result) ? `uncorrected ${uncorrectedP99}` : "of answers that passed";
  const p99Under = p99.tooFew ?? `${interval}${uncorrected}`;
  const target =
    audit.targetPerSecond === null ? `${formatCount(result.usersMaxCount)} users` : `of ${formatRate(audit.targetPerSecond)}/s aimed at`;
  const median = estimateQuantile(result, 0.5);
  const mean = latency.count > 0 ? `mean ${bounded(spacedUs(latency.meanUs), latency.knownShare < 1)}` : "no answer passed";
  const slowest = latency.count > 0 ? bounded(spacedUs(latency.maxUs), latency.censoredCount > 0) : "–";
  return html`<dl class="figures ${audit.invalidBecause.length > 0 ? "invalid" : ""}">
    ${figure("p99 latency", valueUnit(estimateText(p99)), p99Under, "main")}
    ${figure("Median latency", valueUnit(estimateText(median)), mean)}
    ${figure("Slowest", valueUnit(slowest), `of ${formatCount(latency.count)}${latency.censoredCount === 0 ? " answers" : ", answered or not"}`)}
    ${figure("Requests a second", valueUnit(formatRate(result.passedPerSecond)), target)}
    ${figure("Failed", valueUnit(formatShare(requestCount === 0 ? 0 : failedCount / requestCount)), `${formatCount(failedCount)} of ${formatCount(requestCount)}`)}
  </dl>`;
}

function estimateText({ us, isLowerBound, tooFew }: QuantileEstimate): string {
  return tooFew === null ? bounded(spacedUs(us), isLowerBound) : "–";
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
  const title = isKnown(result.latency, 0.99)
    ? `99% of the answers came within ${spacedUs(result.latency.p99Us)}`
    : isKnown(result.latency, 0.5)
      ? `Half of the answers came within ${spacedUs(result.latency.medianUs)}`
      : "Too few answers came to say how long half of them took";
  const omission = omissionText(result);
  const censored = censoredText(result);
  const from = isOpenLoop(result) ? "due and, uncorrected, from the moment it was sent" : "sent";
  return html`<section>
    <h2>${unbroken(title)}</h2>
    <p class="says">Share of answers (on a scale of nines) at or below each latency (logarithmic), counted from the moment a request was ${from}.</p>
    <div class="beside">
    <figure id="plot-cdf" role="img" aria-label="Distribution of latency; the table holds its quantiles"></figure>
    ${quantileTable(result)}
    </div>
    ${censored === null ? null : html`<p class="note">${censored}</p>`}
    ${omission === null ? null : html`<p class="note">${omission}</p>`}
  </section>`;
}

function quantileTable(result: LoadResult): Html {
  const estimates = REPORTED_QUANTILES.map((quantile) => estimateQuantile(result, quantile));
  const hasIntervals = estimates.some(({ interval }) => interval !== null);
  const intervalCell = (text: string) => (hasIntervals ? html`<td class="number dim wide">${text}</td>` : null);
  const isOpen = isOpenLoop(result);
  const { latency, uncorrected } = result;
  const uncorrectedCell = (us: number, isAtLeast: boolean) =>
    isOpen ? html`<td class="number">${bounded(spacedUs(us), isAtLeast)}</td>` : null;
  const rows = estimates.map((estimate) => {
    const { quantile, interval, tooFew } = estimate;
    const name = html`<td>${quantileName(quantile)}</td>`;
    if (tooFew !== null) return html`<tr>${name}<td class="dim right" colspan="3">${tooFew}</td></tr>`;
    const range = intervalCell(interval === null ? "–" : `${spacedUs(interval.low)} to ${spacedUs(interval.high)}`);
    const beside = uncorrectedCell(quantileOf(uncorrected, quantile), isLowerBound(uncorrected, quantile));
    return html`<tr>${name}<td class="number">${estimateText(estimate)}</td>${range}${beside}</tr>`;
  });
  return html`<div><table>
    <tr><th>Latency</th><th class="number">${isOpen ? "Corrected" : "All answers"}</th>${hasIntervals ? html`<th class="number wide">95% interval</th>` : null}${isOpen ? html`<th class="number">Uncorrected</th>` : null}</tr>
    ${rows}
    <tr><td>slowest</td><td class="number">${bounded(spacedUs(latency.maxUs), latency.censoredCount > 0)}</td>${intervalCell("–")}${uncorrectedCell(uncorrected.maxUs, uncorrected.censoredCount > 0)}</tr>
  </table></div>`;
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
  if (share === 0 || share === 1) return `${share * 100}%`;
  if (share < 0.001) return "<0.1%";
  // Nearly all is not all: beside it stands what is missing.
  return share > 0.99 ? `${Math.floor(share * 1_000) / 10}%` : `${Number((share * 100).toPrecision(2))}%`;
}

/** Means of what a request's latency is made of: a connection that was open before anything was due is in none. */
function latencyPhaseMeans({ phases, openedAhead }: LoadResult): Record<Phase, number> {
  const without = ({ meanUs, count }: Distribution, aheadUs: number) => {
    const restUs = meanUs * count - aheadUs;
    // Each of them was rounded to a microsecond.
    return restUs <= openedAhead.count ? 0 : restUs / count;
  };
  const means = Object.fromEntries(PHASES.map((phase) => [phase, phases[phase].meanUs])) as Record<Phase, number>;
  means.connecting = without(phases.connecting, openedAhead.connectingUs);
  means.tls_handshaking = without(phases.tls_handshaking, openedAhead.tlsUs);
  return means;
}

function aheadText({ openedAhead: { count, connectingUs, tlsUs } }: LoadResult): string {
  if (count === 0) return "";
  const were = count === 1 ? "connection was" : "connections were";
  return ` ${formatCount(count)} ${were} opened before a request needed them, in ${spacedUs((connectingUs + tlsUs) / count)} on average: no request's time.`;
}

export function phaseSection(result: LoadResult): Html {
  const means = latencyPhaseMeans(result);
  const total = PHASES.reduce((sum, phase) => sum + means[phase], 0);
  if (total === 0) return html``;
  const share = (phase: Phase) => means[phase] / total;
  const { openedAhead } = result;
  const most = PHASES.reduce((largest, phase) => (share(phase) > share(largest) ? phase : largest));
  const bar = PHASES.filter((phase) => share(phase) > 0).map(
    (phase) =>
      html`<span style="flex:${share(phase).toFixed(5)} 0 0;background:var(--${phase})" title="${PHASE_NAMES[phase]}: ${shortShare(share(phase))}"></span>`,
  );
  const rows = PHASES.map((phase) => {
    const { count, medianUs, p99Us } = result.phases[phase];
    // These quantiles would be those of connections that no request waited for.
    const isAhead = openedAhead.count > 0 && (phase === "connecting" || phase === "tls_handshaking");
    const quantile = (share: number, us: number) => (isAhead || count < samplesForQuantile(share) ? "–" : spacedUs(us));
    const name = html`<td class="nowrap"><span class="key" style="background:var(--${phase})"></span>${PHASE_NAMES[phase]}</td>`;
    return html`<tr>${name}<td class="number">${shortShare(share(phase))}</td><td class="number">${spacedUs(means[phase])}</td><td class="number wide">${quantile(0.5, medianUs)}</td><td class="number">${quantile(0.99, p99Us)}</td></tr>`;
  });
  return html`<section>
    <h2>${shortShare(share(most))} of a request's time is spent ${PHASE_DOING[most]}</h2>
    <p class="says">Where the mean request spends its time, from when it was due to the last byte.${aheadText(result)}</p>
    <div class="stack" aria-hidden="true">${bar}</div>
    <div class="scroll"><table><tr><th>Phase</th><th class="number">Share</th><th class="number">Mean</th><th class="number wide">Median</th><th class="number">p99</th></tr>${rows}</table></div>
  </section>`;
}

export function histogramSection(result: LoadResult): Html {
  if (result.latency.count === 0) return html``;
  const { medianUs, p90Us } = result.latency;
  const title = [0.5, 0.9].every((quantile) => isKnown(result.latency, quantile))
    ? `Half of the answers took up to ${spacedUs(medianUs)}, one in ten over ${spacedUs(p90Us)}`
    : "How long the answers took";
  return html`<section>
    <h2>${unbroken(title)}</h2>
    <p class="says">Number of answers by latency (logarithmic, 16 bins to a decade).</p>
    <figure id="plot-histogram" role="img" aria-label="Histogram of latency"></figure>
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
    <p class="says">Failed requests are not in the latency, but for those that timed out. Statuses: ${statusText(result)}.</p>
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
    ({ threshold, passed, isJudged, why }) =>
      html`<tr><td class="nowrap"><code>${threshold.text}</code></td><td class="${passed ? "pass" : "miss"}">${passed ? "✓ kept" : isJudged ? "✕ missed" : "? not judged"}</td><td class="text">${why}</td></tr>`,
  );
  const keptCount = outcomes.filter(({ passed }) => passed).length;
  const thresholds = outcomes.length === 1 ? "threshold" : "thresholds";
  const title = outcomes.some(({ isJudged }) => !isJudged)
    ? "No threshold is judged: the run is invalid"
    : `${keptCount} of ${outcomes.length} ${thresholds} kept`;
  return html`<section><h2>${title}</h2><table class="stacked">${rows}</table></section>`;
}

export function auditSection(result: LoadResult): Html {
  const rows = auditLines(result).map(
    ({ name, value, meaning }) =>
      html`<tr><td class="nowrap">${name}</td><td class="number">${value}</td><td class="dim text">${meaning}</td></tr>`,
  );
  const title =
    result.audit.invalidBecause.length === 0
      ? "The generator was not the bottleneck"
      : "The run is invalid: its figures can't be relied on";
  return html`<section><h2>${title}</h2><p class="says">What the load generator measured of itself.</p><table class="stacked">${rows}</table></section>`;
}
