/**
 * The 40 ms stall: a server that sends an answer in two writes without
 * TCP_NODELAY waits for our acknowledgement (Nagle's algorithm), and the kernel
 * delays that by 40 ms. It looks like slowness, costs no CPU, and sits at the
 * same place everywhere, which is how it is known.
 */
import type { LoadResult, Phase } from "./result.ts";
import type { ValueCounts } from "./value-counts.ts";

const BAND_FROM_US = 35_000;
const BAND_TO_US = 45_000;
/** Beside the band, equally wide on each side: a server that is merely slow is there too. */
const NEIGHBOURS_FROM_US = 30_000;
const NEIGHBOURS_TO_US = 50_000;
const SHARE_MIN = 0.05;
/** A busy machine smears the peak; a distribution that merely passes through is as high on both sides. */
const NEIGHBOURS_SHARE_MAX = 0.5;
/** A server that needs 40 ms never answers in half of it; one that is held up by an acknowledgement does now and then. */
const FAST_TO_US = 20_000;

/** Within `receiving` the second write shows; within `waiting` a stall between a proxy and what is behind it. */
export function findStall(phases: Readonly<Record<"waiting" | "receiving", ValueCounts>>): LoadResult["stall40ms"] {
  return stallIn("receiving", phases.receiving) ?? stallIn("waiting", phases.waiting);
}

function stallIn(phase: Phase, counts: ValueCounts): LoadResult["stall40ms"] {
  let all = 0;
  let fast = 0;
  let inBand = 0;
  let beside = 0;
  for (let at = 0; at < counts.length; at += 2) {
    const us = counts[at]!;
    const count = counts[at + 1]!;
    all += count;
    if (us < FAST_TO_US) fast += count;
    if (us >= BAND_FROM_US && us <= BAND_TO_US) inBand += count;
    else if (us >= NEIGHBOURS_FROM_US && us <= NEIGHBOURS_TO_US) beside += count;
  }
  const share = all === 0 ? 0 : inBand / all;
  const isApart = beside <= inBand * NEIGHBOURS_SHARE_MAX;
  // Receiving takes no time by itself, so there a peak at 40 ms needs no fast ones beside it.
  const isNoWork = phase === "receiving" || fast > 0;
  return share >= SHARE_MIN && isApart && isNoWork ? { share, phase } : null;
}
