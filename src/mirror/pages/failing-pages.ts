/**
 * Failing pages: which page of which index need not be asked for again for a
 * moment, as long as there is something stale to serve: each attempt at one
 * that is broken costs its time-outs, or megabytes that are then refused. What
 * has no copy is always asked for. A whole index that is down is the affair of
 * upstream, which then fails at once.
 */
import { SECOND_MS } from "../../base/units.ts";
import type { UpstreamFailure } from "../failures.ts";

export const FAILURE_PAUSE_MS = 10 * SECOND_MS;
const PAGES_MAX = 10_000;

interface Failed {
  readonly failure: UpstreamFailure;
  readonly atMs: number;
}

export class FailingPages {
  /** Insertion order is order of failure. */
  readonly #failed = new Map<string, Failed>();

  note(url: string, project: string, failure: UpstreamFailure, nowMs: number): void {
    const key = keyOf(url, project);
    this.#failed.delete(key);
    this.#failed.set(key, { failure, atMs: nowMs });
    for (const oldest of this.#failed.keys()) {
      if (this.#failed.size <= PAGES_MAX) break;
      this.#failed.delete(oldest);
    }
  }

  answered(url: string, project: string): void {
    this.#failed.delete(keyOf(url, project));
  }

  /** What it failed by a moment ago; null when it may be asked for. */
  recent(url: string, project: string, nowMs: number): UpstreamFailure | null {
    const failed = this.#failed.get(keyOf(url, project));
    if (failed === undefined) return null;
    const agoMs = nowMs - failed.atMs;
    return agoMs >= 0 && agoMs < FAILURE_PAUSE_MS ? failed.failure : null;
  }
}

/** `url` is the index's: no address holds a space. */
function keyOf(url: string, project: string): string {
  return `${url} ${project}`;
}
