/**
 * Failing pages: which page of which index need not be asked for again for a
 * moment, as long as there is something stale to serve: each attempt at one
 * that is broken costs its time-outs, or megabytes that are then refused, or
 * the page thread that dies of it. What has no copy is always asked for. A
 * whole index that is down is the affair of upstream, which then fails at once.
 */
import { RecentMap } from "../../base/recent-map.ts";
import { SECOND_MS } from "../../base/units.ts";
import type { MirrorFailure } from "../failures.ts";

export const FAILURE_PAUSE_MS = 10 * SECOND_MS;
const PAGES_MAX = 10_000;

export class FailingPages {
  readonly #failed: RecentMap<string, MirrorFailure>;

  constructor(nowMs: () => number) {
    this.#failed = new RecentMap({ countMax: PAGES_MAX, ageMaxMs: FAILURE_PAUSE_MS, nowMs });
  }

  note(url: string, project: string, failure: MirrorFailure): void {
    this.#failed.set(keyOf(url, project), failure);
  }

  answered(url: string, project: string): void {
    this.#failed.delete(keyOf(url, project));
  }

  /** What it failed by a moment ago; null when it may be asked for. */
  recent(url: string, project: string): MirrorFailure | null {
    return this.#failed.peek(keyOf(url, project)) ?? null;
  }
}

/** `url` is the index's: no address holds a space. */
function keyOf(url: string, project: string): string {
  return `${url} ${project}`;
}
