/**
 * The summary that a run ends with, for a terminal: whether it counts (an
 * invalid run says so on its first line), the corrected latency beside the
 * uncorrected one, k6's metrics, errors with an example each, thresholds and
 * the generator's audit. Text from servers is made printable. Must not compute
 * figures: those come from the result, and sentences from findings.ts.
 */

import { table } from "../../base/table.ts";
import { type Palette, palette, printable } from "../../base/terminal.ts";
import { quantileName } from "../../stats/quantile.ts";
import { type Distribution, type LoadResult, REPORTED_QUANTILES } from "../load/result.ts";
import {
  auditLines,
  behindText,
  censoredText,
  errorLines,
  interruptedText,
  isOpenLoop,
  omissionText,
  samplesText,
  stallText,
} from "./findings.ts";
import { bounded, formatCount, formatShare, formatUs } from "./format.ts";
import { k6Lines } from "./k6-metrics.ts";
import { arrivalsText, planUrl, settingsText } from "./plan-text.ts";
import { estimateQuantile, isLowerBound, quantileOf } from "./quantile-estimate.ts";
import type { ThresholdOutcome } from "./thresholds.ts";

export interface SummaryOptions {
  readonly color: boolean;
  /** Columns of the terminal; what is too wide is wrapped. */
  readonly width: number;
}

const INDENT = "     ";
const EXAMPLE_MAX_LENGTH = 200;

/** Ends with a line break. */
export function summarize(result: LoadResult, outcomes: readonly ThresholdOutcome[], options: SummaryOptions): string {
  const paint = palette({ isTTY: options.color }, {});
  const wrapped = (text: string, indent = INDENT) => wrap(text, options.width, indent);
  const sections = [
    validityLines(result, paint, wrapped),
    [`${INDENT}${paint.bold(printable(`${result.plan.method} ${planUrl(result.plan.target)}`))}`, ...planLines(result, paint, wrapped)],
    behindLines(result, paint, wrapped),
    // Before k6's: the first p99 that is read is the one that counts.
    latencyLines(result, paint, wrapped),
    metricsLines(result, paint, options.width, wrapped),
    stallLines(result, paint, wrapped),
    errorSection(result, paint),
    thresholdLines(outcomes, paint),
    auditSection(result, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

type Wrapped = (text: string, indent?: string) => string[];

function validityLines({ audit }: LoadResult, paint: Palette, wrapped: Wrapped): string[] {
  if (audit.invalidBecause.length === 0) return [];
  const head = "INVALID: don't use these figures";
  return [paint.red(paint.bold(head)), ...audit.invalidBecause.flatMap((reason) => wrapped(`- ${printable(reason)}`)).map(paint.red)];
}

function planLines(result: LoadResult, paint: Palette, wrapped: Wrapped): string[] {
  const ran = `${arrivalsText(result.plan.arrivals)}, measured for ${formatUs(result.durationMs * 1_000)}; ${settingsText(result.plan)}`;
  const notes = [interruptedText(result), samplesText(result)].filter((text) => text !== null);
  return [...wrapped(ran).map(paint.dim), ...notes.flatMap((text) => wrapped(text)).map(paint.yellow)];
}

function behindLines(result: LoadResult, paint: Palette, wrapped: Wrapped): string[] {
  const behind = behindText(result);
  if (behind === null) return [];
  return [...wrapped(behind.observed).map((line) => paint.yellow(paint.bold(line))), ...wrapped(behind.mend)];
}

function metricsLines(result: LoadResult, paint: Palette, width: number, wrapped: Wrapped): string[] {
  const lines = k6Lines(result, width);
  if (!isOpenLoop(result)) return lines;
  const about = "metrics as k6 has them: http_req_duration is uncorrected, from when a request was sent";
  return [...wrapped(about).map(paint.dim), ...lines];
}

function latencyLines(result: LoadResult, paint: Palette, wrapped: Wrapped): string[] {
  const { latency, uncorrected } = result;
  if (latency.count === 0) return [`${INDENT}${paint.red("latency: none, because no answer passed its checks")}`];
  const estimates = REPORTED_QUANTILES.map((quantile) => estimateQuantile(result, quantile));
  const titles = ["", "min", "avg", ...REPORTED_QUANTILES.map(quantileName), "max"];
  const known = estimates.map(({ tooFew }) => tooFew === null);
  const rows = isOpenLoop(result)
    ? [latencyRow("corrected", latency, known), latencyRow("uncorrected", uncorrected, known)]
    : [latencyRow("all", latency, known)];
  if (estimates.some(({ interval }) => interval !== null)) {
    const ends = (end: "low" | "high") => estimates.map(({ interval }) => (interval === null ? "-" : formatUs(interval[end])));
    rows.push(["95% sure: from", "", "", ...ends("low"), ""], ["to", "", "", ...ends("high"), ""]);
  }
  const columns = titles.map((title, index) => ({ title, align: index === 0 ? "left" : "right" }) as const);
  const omission = omissionText(result);
  const censored = censoredText(result);
  const passedCount = result.requestCount - result.failedCount;
  return [
    `${INDENT}${paint.bold("latency")} of ${formatCount(passedCount)} answers that passed every check${censored === null ? "" : ` and ${formatCount(latency.censoredCount)} that never came`}`,
    ...indented(table(columns, rows)),
    ...estimates.flatMap(({ tooFew }) => (tooFew === null ? [] : wrapped(tooFew).map(paint.yellow))),
    ...(censored === null ? [] : wrapped(censored).map(paint.yellow)),
    ...(omission === null ? [] : wrapped(omission).map(paint.yellow)),
  ];
}

function latencyRow(name: string, distribution: Distribution, known: readonly boolean[]): string[] {
  const { minUs, meanUs, maxUs, censoredCount, knownShare } = distribution;
  // No value at all: one that stands in a table is copied, whatever is written under it.
  const quantiles = REPORTED_QUANTILES.map((quantile, index) =>
    known[index] ? bounded(formatUs(quantileOf(distribution, quantile)), isLowerBound(distribution, quantile)) : "-",
  );
  return [name, formatUs(minUs), bounded(formatUs(meanUs), knownShare < 1), ...quantiles, bounded(formatUs(maxUs), censoredCount > 0)];
}

function stallLines(result: LoadResult, paint: Palette, wrapped: Wrapped): string[] {
  const stall = stallText(result);
  if (stall === null) return [];
  return [
    `${INDENT}${paint.yellow(paint.bold("a stall of 40 ms"))}`,
    ...[stall.observed, stall.cause, stall.mend].flatMap((text) => wrapped(text)),
  ];
}

function errorSection(result: LoadResult, paint: Palette): string[] {
  const lines = errorLines(result);
  if (lines.length === 0) return [];
  const rows = lines.map(({ what, count, share, example }) => [
    formatCount(count),
    formatShare(share),
    what,
    printable(example.replace(/\s+/g, " ")).slice(0, EXAMPLE_MAX_LENGTH),
  ]);
  const statuses = Object.entries(result.statuses).map(([status, count]) => `${printable(status)}: ${formatCount(count)}`);
  return [
    `${INDENT}${paint.red(paint.bold("errors"))} ${formatCount(result.failedCount)} of ${formatCount(result.requestCount)} requests; statuses ${statuses.join(", ") || "none"}`,
    ...indented(table([{ title: "", align: "right" }, { title: "", align: "right" }, { title: "" }, { title: "" }], rows)),
  ];
}

function thresholdLines(outcomes: readonly ThresholdOutcome[], paint: Palette): string[] {
  if (outcomes.length === 0) return [];
  const mark = ({ passed, isJudged }: ThresholdOutcome) => (passed ? paint.green("✓") : isJudged ? paint.red("✗") : paint.yellow("?"));
  const rows = outcomes.map((outcome) => [mark(outcome), outcome.threshold.text, outcome.why]);
  return [`${INDENT}${paint.bold("thresholds")}`, ...indented(table([{ title: "" }, { title: "" }, { title: "" }], rows))];
}

function auditSection(result: LoadResult, paint: Palette): string[] {
  const rows = auditLines(result).map(({ name, value, meaning }) => [name, value, paint.dim(meaning)]);
  const pace = result.behind === null ? "" : paint.yellow(", the server did not");
  const word = result.audit.invalidBecause.length === 0 ? `the generator kept up${pace}` : paint.red("the run is invalid");
  return [
    `${INDENT}${paint.bold("audit")} ${word}`,
    ...indented(table([{ title: "" }, { title: "", align: "right" }, { title: "" }], rows)),
  ];
}

function indented(text: string): string[] {
  return text.split("\n").map((line) => `${INDENT}${line}`);
}

/** At blanks; a word that is too long stays whole, so that it can be copied. */
function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line.length > indent.length && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line.length === indent.length ? word : ` ${word}`;
  }
  return [...lines, line];
}
