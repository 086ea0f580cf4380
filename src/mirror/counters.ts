/**
 * Counters of the mirror: plain numbers, changed in place where things happen
 * and read by /metrics, the home page and the tests. What each counts is said
 * here once.
 */
import type { CacheOutcome } from "./pages/pages.ts";

/** What was asked for. */
export const RESOURCE_KINDS = ["list", "page", "file", "metadata", "provenance", "signature"] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

export interface ResourceCounts {
  /** Answers from what was kept, fresh by its own rules. */
  hit: number;
  /** Answers for which upstream confirmed what was kept (304). */
  revalidated: number;
  /** Answers for which upstream was asked, joiners of a transfer under way included. */
  miss: number;
  /** Answers past their freshness, because upstream failed or the mirror is offline. */
  stale: number;
  /** Answers that failed for upstream's sake. */
  failed: number;
  /** Bytes of content sent to clients. */
  sentBytes: number;
  upstreamRequests: number;
  /** Bytes of content received from upstream. */
  receivedBytes: number;
}

export interface ProjectSavings {
  /** Requests that upstream did not get because of the mirror: hits and joiners. */
  requests: number;
  bytes: number;
}

/** So many projects have savings of their own; those with the least go first. */
const PROJECTS_MAX = 10_000;

export class MirrorCounters {
  readonly byKind: Readonly<Record<ResourceKind, ResourceCounts>> = {
    list: zero(),
    page: zero(),
    file: zero(),
    metadata: zero(),
    provenance: zero(),
    signature: zero(),
  };
  /** "GET 200" and the like to how often, by endpoint: "/simple/", "/simple/{project}/", … */
  readonly requests = new Map<string, Map<string, RequestCounts>>();
  readonly savings = new Map<string, ProjectSavings>();
  /** Times somebody asked for what the policy withholds, by rule. */
  readonly hidden = new Map<string, number>();
  /** Times somebody asked for what the policy would withhold, were it not in shadow mode, by rule. */
  readonly shadowed = new Map<string, number>();
  transfersOpen = 0;
  prefetched = 0;

  /** `isSpared`: upstream got no request for it, though it may be on its way from there. */
  served(kind: ResourceKind, outcome: CacheOutcome, project: string, bytes: number, isSpared = outcome !== "miss"): void {
    const counts = this.byKind[kind];
    counts[outcome]++;
    counts.sentBytes += bytes;
    if (isSpared) this.#save(project, bytes);
  }

  /** `hidden` or `shadowed`. */
  ruled(by: Map<string, number>, rule: string): void {
    by.set(rule, (by.get(rule) ?? 0) + 1);
  }

  #save(project: string, bytes: number): void {
    if (project === "") return;
    let saved = this.savings.get(project);
    if (saved === undefined) {
      if (this.savings.size >= PROJECTS_MAX) this.#forgetLeast();
      saved = { requests: 0, bytes: 0 };
      this.savings.set(project, saved);
    }
    saved.requests++;
    saved.bytes += bytes;
  }

  #forgetLeast(): void {
    const byBytes = [...this.savings].sort(([, one], [, other]) => one.bytes - other.bytes);
    for (const [project] of byBytes.slice(0, PROJECTS_MAX / 10)) this.savings.delete(project);
  }
}

export interface RequestCounts {
  count: number;
  /** By LATENCY_BUCKET_BOUNDS_US of telemetry, not cumulative. */
  readonly buckets: number[];
  sumUs: number;
}

function zero(): ResourceCounts {
  return { hit: 0, revalidated: 0, miss: 0, stale: 0, failed: 0, sentBytes: 0, upstreamRequests: 0, receivedBytes: 0 };
}
