/**
 * Observer: counts and logs every answer, whoever gives it. Labels are
 * endpoints and statuses, a fixed few, so that nothing a client sends can add
 * a series.
 */
import type { Exchange } from "../http/exchange.ts";
import { LATENCY_BUCKET_BOUNDS_US } from "../telemetry/metrics.ts";
import type { MirrorCounters } from "./counters.ts";
import type { MirrorLog } from "./log.ts";
import type { Route } from "./routes.ts";

export const ENDPOINTS: Readonly<Record<Route["kind"], string>> = {
  home: "/",
  health: "/health",
  metrics: "/metrics",
  list: "/simple/",
  page: "/simple/{project}/",
  file: "/simple/{project}/{file}",
  explain: "/explain/{project}",
  "explain-many": "/explain",
  savings: "/savings",
  drop: "/cache/",
  redirect: "redirect",
  "not-found": "other",
  "bad-path": "other",
};

const METHODS = new Set(["GET", "HEAD", "DELETE", "POST", "OPTIONS"]);

export class Observer {
  readonly #counters: MirrorCounters;
  /** Null keeps no access log. */
  readonly #log: MirrorLog | null;
  /** Answers that are not over yet. */
  openCount = 0;

  constructor(counters: MirrorCounters, log: MirrorLog | null) {
    this.#counters = counters;
    this.#log = log;
  }

  /** Counts the answer that this exchange is about to get. */
  expect(exchange: Exchange, route: Route): void {
    const startMs = performance.now();
    this.openCount++;
    exchange.onFinished = (status, bodyBytes) => {
      this.openCount--;
      const latencyUs = (performance.now() - startMs) * 1_000;
      this.#count(ENDPOINTS[route.kind], exchange.method, status, latencyUs);
      const { method, target } = exchange;
      this.#log?.("info", `${method} ${target} ${status}`, {
        method,
        path: target,
        status,
        bytes: bodyBytes,
        durationUs: Math.round(latencyUs),
      });
    };
  }

  #count(endpoint: string, method: string, status: number, latencyUs: number): void {
    const { requests } = this.#counters;
    let ofEndpoint = requests.get(endpoint);
    if (ofEndpoint === undefined) {
      ofEndpoint = new Map();
      requests.set(endpoint, ofEndpoint);
    }
    const key = `${METHODS.has(method) ? method : "other"} ${status}`;
    let counts = ofEndpoint.get(key);
    if (counts === undefined) {
      counts = { count: 0, buckets: new Array<number>(LATENCY_BUCKET_BOUNDS_US.length + 1).fill(0), sumUs: 0 };
      ofEndpoint.set(key, counts);
    }
    counts.count++;
    counts.sumUs += latencyUs;
    const bucket = LATENCY_BUCKET_BOUNDS_US.findIndex((boundUs) => latencyUs <= boundUs);
    const index = bucket === -1 ? LATENCY_BUCKET_BOUNDS_US.length : bucket;
    counts.buckets[index] = (counts.buckets[index] as number) + 1;
  }
}
