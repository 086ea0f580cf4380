/**
 * Metrics of the mirror in the Prometheus text format: every counter that the
 * groxpi page planned, under its name there too, so that a dashboard made for
 * it works. Labels are fixed sets: no project and no file name becomes one.
 */

import { ownProcess } from "../../telemetry/own-process.ts";
import { type Exposition, exposition } from "../../telemetry/prometheus.ts";
import { RESOURCE_KINDS, type ResourceCounts, type ResourceKind } from "../counters.ts";
import type { MirrorParts } from "../mirror-parts.ts";

const OUTCOMES = ["hit", "revalidated", "miss", "stale", "failed"] as const;
/** groxpi's page speaks of index, file and response caches. */
const ALIAS_TYPES: Readonly<Record<string, readonly ResourceKind[]>> = { index: ["list", "page"], file: ["file", "metadata"] };

export function renderMetrics(parts: MirrorParts): string {
  const text = exposition();
  renderProcess(text);
  renderRequests(text, parts);
  renderKinds(text, parts);
  renderStore(text, parts);
  renderIndexes(text, parts);
  renderAliases(text, parts);
  return text.toString();
}

function renderProcess(text: Exposition): void {
  const { version, nodeVersion, startedAtSeconds, cpuSeconds } = ownProcess();
  one(text, "pilotlight_build_info", "gauge", "Always 1; the labels are the versions of Pilotlight and of Node.", 1, {
    version,
    node: nodeVersion,
  });
  one(text, "process_start_time_seconds", "gauge", "When the mirror started, in seconds since the epoch.", startedAtSeconds);
  one(text, "process_cpu_seconds_total", "counter", "Processor seconds of the mirror.", cpuSeconds);
  one(text, "process_resident_memory_bytes", "gauge", "Resident memory of the mirror.", process.memoryUsage.rss());
}

function renderRequests(text: Exposition, { counters }: MirrorParts): void {
  const total = "pilotlight_mirror_requests_total";
  const duration = "pilotlight_mirror_request_duration_seconds";
  text.family(total, "counter", "Answers by endpoint, method and status; status 0 is a client that left before its answer.");
  eachRequest(counters.requests, (labels, counts) => text.sample(total, labels, counts.count));
  text.family(duration, "histogram", "Seconds from the arrival of a request to the end of its answer.");
  eachRequest(counters.requests, (labels, counts) => text.histogram(duration, labels, counts.buckets, counts.sumUs));
}

function renderKinds(text: Exposition, { counters }: MirrorParts): void {
  const answers = "pilotlight_mirror_cache_total";
  text.family(answers, "counter", "Answers by what was asked for and how it was had: hit, revalidated, miss, stale, failed.");
  for (const kind of RESOURCE_KINDS)
    for (const outcome of OUTCOMES) text.sample(answers, { kind, outcome }, counters.byKind[kind][outcome]);
  byKind(text, counters.byKind, {
    pilotlight_mirror_sent_bytes_total: ["Bytes of content sent to clients.", (counts) => counts.sentBytes],
    pilotlight_mirror_upstream_requests_total: ["Requests sent to indexes, by what they asked for.", (counts) => counts.upstreamRequests],
    pilotlight_mirror_upstream_bytes_total: ["Bytes of content received from indexes.", (counts) => counts.receivedBytes],
  });
  const saved = [...counters.savings.values()];
  const sum = (read: (savings: { requests: number; bytes: number }) => number): number => saved.reduce((all, one) => all + read(one), 0);
  one(
    text,
    "pilotlight_mirror_saved_requests_total",
    "counter",
    "Requests that no index got because of the mirror.",
    sum(({ requests }) => requests),
  );
  one(
    text,
    "pilotlight_mirror_saved_bytes_total",
    "counter",
    "Bytes that no index sent because of the mirror.",
    sum(({ bytes }) => bytes),
  );
  byRule(text, "pilotlight_mirror_policy_refusals_total", "Requests for what the policy withholds, by rule.", counters.hidden);
  const shadowed = "Requests for files that the policy would withhold, were it not in shadow mode, by rule.";
  byRule(text, "pilotlight_mirror_policy_shadowed_total", shadowed, counters.shadowed);
  one(text, "pilotlight_mirror_prefetched_total", "counter", "Metadata files fetched before anybody asked for them.", counters.prefetched);
  one(text, "pilotlight_mirror_transfers_open", "gauge", "Downloads from indexes under way.", counters.transfersOpen);
}

function renderStore(text: Exposition, { store, pages }: MirrorParts): void {
  const { fileCount, sizeBytes, maxBytes, evictedCount, evictedBytes, rehashedCount, quarantinedCount } = store.totals;
  one(text, "pilotlight_mirror_store_files", "gauge", "Files kept.", fileCount);
  one(text, "pilotlight_mirror_store_bytes", "gauge", "Bytes of files kept.", sizeBytes);
  one(text, "pilotlight_mirror_store_max_bytes", "gauge", "Bytes above which the least recently used files go.", maxBytes);
  one(text, "pilotlight_mirror_evicted_total", "counter", "Files that made room.", evictedCount);
  one(text, "pilotlight_mirror_evicted_bytes_total", "counter", "Their bytes.", evictedBytes);
  one(text, "pilotlight_mirror_rehashed_total", "counter", "Files whose hash was checked again in the background.", rehashedCount);
  one(text, "pilotlight_mirror_quarantined_total", "counter", "Files that had rotted and were set aside.", quarantinedCount);
  const { preparedCount, preparedBytes, projectCount } = pages.totals;
  one(text, "pilotlight_mirror_prepared_pages", "gauge", "Prepared forms of pages in memory.", preparedCount);
  one(text, "pilotlight_mirror_prepared_bytes", "gauge", "Their bytes.", preparedBytes);
  one(text, "pilotlight_mirror_projects", "gauge", "Projects whose pages are kept.", projectCount);
}

function renderIndexes(text: Exposition, { upstream }: MirrorParts): void {
  const up = "pilotlight_mirror_index_up";
  text.family(up, "gauge", "0 for an index whose last request failed.");
  for (const { index, lastFailure } of upstream.health()) text.sample(up, { index }, lastFailure === null ? 1 : 0);
}

function renderAliases(text: Exposition, { counters }: MirrorParts): void {
  const requests = "groxpi_requests_total";
  const duration = "groxpi_request_duration_seconds";
  text.family(requests, "counter", "As pilotlight_mirror_requests_total, under groxpi's name.");
  eachRequest(counters.requests, ({ method, status }, counts, endpoint) =>
    text.sample(requests, { method, status, endpoint }, counts.count),
  );
  text.family(duration, "histogram", "As pilotlight_mirror_request_duration_seconds, under groxpi's name.");
  eachRequest(counters.requests, (labels, counts) => text.histogram(duration, labels, counts.buckets, counts.sumUs));
  for (const [name, help, read] of [
    ["groxpi_cache_hits_total", "Answers from what was kept.", (counts: ResourceCounts) => counts.hit + counts.revalidated + counts.stale],
    ["groxpi_cache_misses_total", "Answers for which an index was asked.", (counts: ResourceCounts) => counts.miss],
  ] as const) {
    text.family(name, "counter", help);
    for (const [type, kinds] of Object.entries(ALIAS_TYPES)) {
      text.sample(
        name,
        { type },
        kinds.reduce((sum, kind) => sum + read(counters.byKind[kind]), 0),
      );
    }
  }
}

type RequestLabels = { readonly endpoint: string; readonly method: string; readonly status: string };

function eachRequest(
  requests: MirrorParts["counters"]["requests"],
  visit: (
    labels: RequestLabels,
    counts: { readonly count: number; readonly buckets: readonly number[]; readonly sumUs: number },
    endpoint: string,
  ) => void,
): void {
  for (const [endpoint, byAnswer] of requests) {
    for (const [answer, counts] of byAnswer) {
      const [method = "", status = ""] = answer.split(" ");
      visit({ endpoint, method, status }, counts, endpoint);
    }
  }
}

function one(
  text: Exposition,
  name: string,
  kind: "counter" | "gauge",
  help: string,
  value: number,
  labels: Readonly<Record<string, string>> = {},
): void {
  text.family(name, kind, help);
  text.sample(name, labels, value);
}

function byRule(text: Exposition, name: string, help: string, counts: ReadonlyMap<string, number>): void {
  text.family(name, "counter", help);
  for (const [rule, count] of counts) text.sample(name, { rule }, count);
}

function byKind(
  text: Exposition,
  counts: MirrorParts["counters"]["byKind"],
  families: Readonly<Record<string, readonly [help: string, read: (counts: ResourceCounts) => number]>>,
): void {
  for (const [name, [help, read]] of Object.entries(families)) {
    text.family(name, "counter", help);
    for (const kind of RESOURCE_KINDS) text.sample(name, { kind }, read(counts[kind]));
  }
}
