/**
 * The metrics of a run in k6's layout: its names, its order, its dotted
 * leaders, with p(99) added. `http_req_duration` is k6's: from the real send
 * time (sending + waiting + receiving); the corrected latency has a table of
 * its own in the summary. Plain text; must not choose colours.
 */
import { samplesForQuantile } from "../../stats/quantile-interval.ts";
import type { Distribution, LoadResult } from "../load/result.ts";
import { bounded, formatBytes, formatCount, formatUs } from "./format.ts";
import { isLowerBound } from "./quantile-estimate.ts";

/** As wide as k6's, so that summaries line up beside each other. */
const NAME_WIDTH = 31;
const INDENT = "     ";
const UNKNOWN = "-";

/** Lines without colour; times in as many rows of columns as fit the width. */
export function k6Lines(result: LoadResult, width: number): string[] {
  // Bytes are counted until the last answer, and so is their time.
  const seconds = (result.durationMs + result.drainMs) / 1_000;
  const rate = (count: number) => (seconds > 0 ? count / seconds : 0);
  const { sentBytes, receivedBytes, phases, requestCount, failedCount, passedPerSecond } = result;
  const times: [string, Distribution][] = [
    ["http_req_blocked", phases.blocked],
    ["http_req_connecting", phases.connecting],
    ["http_req_duration", result.uncorrected],
    ["http_req_receiving", phases.receiving],
    ["http_req_sending", phases.sending],
    ["http_req_tls_handshaking", phases.tls_handshaking],
    ["http_req_waiting", phases.waiting],
  ];
  const cells = aligned(times.map(([, distribution]) => timeCells(distribution)));
  const timeLines = new Map(times.map(([name], index) => [name, cells[index]!]));
  const failedShare = requestCount === 0 ? 0 : (failedCount / requestCount) * 100;
  const perSecond = `${passedPerSecond.toFixed(2)}/s${failedCount === 0 ? "" : " passed"}`;
  const rows: [string, readonly string[]][] = [
    ["data_received", [`${formatBytes(receivedBytes)} ${formatBytes(rate(receivedBytes))}/s`]],
    ["data_sent", [`${formatBytes(sentBytes)} ${formatBytes(rate(sentBytes))}/s`]],
    ...["http_req_blocked", "http_req_connecting", "http_req_duration"].map((name): [string, string[]] => [name, timeLines.get(name)!]),
    // k6's own tick marks mislead here (a tick for each failure), so the counts are in words.
    ["http_req_failed", [`${failedShare.toFixed(2)}% ${formatCount(failedCount)} out of ${formatCount(requestCount)}`]],
    ...["http_req_receiving", "http_req_sending", "http_req_tls_handshaking", "http_req_waiting"].map((name): [string, string[]] => [
      name,
      timeLines.get(name)!,
    ]),
    ["http_reqs", [`${requestCount} ${perSecond}`]],
    ["iterations", [`${requestCount} ${perSecond}`]],
    ["vus", [String(result.usersMaxCount)]],
    ["vus_max", [String(result.plan.connectionMaxCount)]],
  ];
  return rows.flatMap(([name, columns]) => metricLines(name, columns, width));
}

function timeCells(distribution: Distribution): [name: string, value: string][] {
  const { count, censoredCount, knownShare, meanUs, minUs, medianUs, maxUs, p90Us, p95Us, p99Us } = distribution;
  const any = (us: number, isAtLeast = false) => (count === 0 ? UNKNOWN : bounded(formatUs(us), isAtLeast));
  // The latency table refuses a quantile of too few answers; it must not be had here instead.
  const quantile = (share: number, us: number) =>
    count < samplesForQuantile(share) ? UNKNOWN : bounded(formatUs(us), isLowerBound(distribution, share));
  return [
    ["avg", any(meanUs, knownShare < 1)],
    ["min", any(minUs)],
    ["med", quantile(0.5, medianUs)],
    ["max", any(maxUs, censoredCount > 0)],
    ["p(90)", quantile(0.9, p90Us)],
    ["p(95)", quantile(0.95, p95Us)],
    ["p(99)", quantile(0.99, p99Us)],
  ];
}

/** "avg=572ns " padded to the widest of its column. */
function aligned(rows: readonly [string, string][][]): string[][] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]![1].length)));
  return rows.map((row) => row.map(([name, value], column) => `${name}=${value.padEnd(widths[column]!)}`));
}

function metricLines(name: string, columns: readonly string[], width: number): string[] {
  const head = `${INDENT}${name.padEnd(NAME_WIDTH, ".")}: `;
  const lines: string[] = [];
  let line = head;
  for (const column of columns) {
    if (line !== head && line.trim() !== "" && line.length + column.trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = " ".repeat(head.length);
    }
    line += `${column} `;
  }
  return [...lines, line.trimEnd()];
}
