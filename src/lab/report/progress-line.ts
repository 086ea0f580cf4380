/**
 * How a run is going, while it goes: one line that is rewritten on a terminal,
 * a plain line every 10 s where there is none (a log of CI; the first at once
 * of a run that is longer), nothing when asked to be quiet. Reads no clock: the time is the run's own.
 */
import { type Palette, palette } from "../../base/terminal.ts";
import type { LoadProgress } from "../load/result.ts";
import { formatCount, formatRate, spacedUs } from "./format.ts";

const PLAIN_EVERY_MS = 10_000;
const BAR_WIDTH = 24;
/** Of a terminal that says 0: some pseudo-terminals do. */
const UNKNOWN_WIDTH = 80;
const CLEAR_LINE = "\r\x1b[2K";
const ERASE_TO_END = "\x1b[K";

/** The part of a stream that is used: standard error, in practice. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressLine {
  update(progress: LoadProgress): void;
  /** Takes the live line away, so that the summary starts on a clean one. */
  end(): void;
}

export function createProgressLine(
  stream: ProgressStream,
  options: { readonly quiet: boolean; readonly env: Readonly<Record<string, string | undefined>> },
): ProgressLine {
  if (options.quiet) return { update: () => {}, end: () => {} };
  // A terminal that can't move its cursor gets the lines of a log.
  return stream.isTTY === true && options.env["TERM"] !== "dumb" ? liveLine(stream, palette(stream, options.env)) : plainLines(stream);
}

function liveLine(stream: ProgressStream, paint: Palette): ProgressLine {
  let isShown = false;
  return {
    update(progress) {
      // Rewritten in place, then what is left of the old line erased: clearing first would flicker.
      stream.write(`\r${liveText(progress, stream.columns || UNKNOWN_WIDTH, paint)}${ERASE_TO_END}`);
      isShown = true;
    },
    end() {
      if (isShown) stream.write(CLEAR_LINE);
      isShown = false;
    },
  };
}

function plainLines(stream: ProgressStream): ProgressLine {
  let nextMs: number | null = null;
  return {
    update(progress) {
      nextMs ??= progress.totalMs !== null && progress.totalMs <= PLAIN_EVERY_MS ? PLAIN_EVERY_MS : 0;
      if (progress.elapsedMs < nextMs) return;
      nextMs = (Math.floor(progress.elapsedMs / PLAIN_EVERY_MS) + 1) * PLAIN_EVERY_MS;
      stream.write(`${timeText(progress)}  ${figures(progress).join("  ")}\n`);
    },
    end: () => {},
  };
}

function liveText(progress: LoadProgress, columns: number, paint: Palette): string {
  const head = timeText(progress);
  const parts = figures(progress);
  // One column is left free: a full line makes some terminals wrap.
  const room = columns - 1;
  const bar = progress.totalMs === null ? "" : barText(progress.elapsedMs / Math.max(1, progress.totalMs));
  let line = bar !== "" && bar.length + 1 + head.length + 2 + parts.join("  ").length <= room ? `${bar} ${head}` : head;
  for (const part of parts) if (line.length + 2 + part.length <= room) line += `  ${part}`;
  line = line.slice(0, Math.max(0, room));
  return progress.failedCount > 0 ? line.replace(/[\d,]+ failed/, (failed) => paint.red(failed)) : line;
}

function barText(share: number): string {
  const done = Math.round(Math.min(1, Math.max(0, share)) * BAR_WIDTH);
  return `${"━".repeat(done)}${"─".repeat(BAR_WIDTH - done)}`;
}

function timeText({ elapsedMs, totalMs, isWarmUp }: LoadProgress): string {
  const of = totalMs === null ? "" : ` / ${(totalMs / 1_000).toFixed(0)} s`;
  return `${(elapsedMs / 1_000).toFixed(0).padStart(totalMs === null ? 1 : (totalMs / 1_000).toFixed(0).length)}${of === "" ? " s" : of}${isWarmUp ? " warm-up" : ""}`;
}

function figures({ perSecond, p99Us, failedCount, completedCount }: LoadProgress): string[] {
  // 0 until the first second is over.
  const p99 = completedCount === 0 || p99Us === 0 ? "p99 -" : `p99 ${spacedUs(p99Us)}`;
  return [`${formatRate(perSecond)} req/s`, p99, `${formatCount(failedCount)} failed`];
}
