/**
 * How far a bundle is: one line that is rewritten on a terminal, nothing
 * elsewhere: what a pipe or a log needs is the result.
 */
import { describeBytes } from "../base/units.ts";
import type { BundleProgress, OnProgress } from "../mirror/bundle/bundle-source.ts";
import type { Io } from "./command.ts";

const EVERY_MS = 100;
const CLEAR_LINE = "\r\x1b[2K";
const ERASE_TO_END = "\x1b[K";

const PHASES: Readonly<Record<BundleProgress["phase"], string>> = {
  pages: "Looking up projects",
  fetch: "Fetching files",
  write: "Writing the bundle",
  check: "Checking the bundle",
  import: "Importing",
  verify: "Verifying files",
};

export interface BundleProgressLine {
  readonly update: OnProgress;
  /** Takes the line away. */
  end(): void;
}

export function bundleProgressLine({ stderr, env, json }: Pick<Io, "stderr" | "env" | "json">): BundleProgressLine {
  if (json === true || stderr.isTTY !== true || env["TERM"] === "dumb") return { update: () => {}, end: () => {} };
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let phase: BundleProgress["phase"] | null = null;
  return {
    update(progress) {
      const nowMs = performance.now();
      if (progress.phase === phase && nowMs - shownAtMs < EVERY_MS) return;
      ({ phase } = progress);
      shownAtMs = nowMs;
      stderr.write(`\r${lineOf(progress).slice(0, Math.max(20, (stderr.columns || 80) - 1))}${ERASE_TO_END}`);
    },
    end() {
      if (phase !== null) stderr.write(CLEAR_LINE);
      phase = null;
    },
  };
}

function lineOf({ phase, doneCount, totalCount, doneBytes }: BundleProgress): string {
  return `${PHASES[phase]}: ${doneCount} of ${totalCount}${doneBytes === 0 ? "" : `, ${describeBytes(doneBytes)}`}`;
}
