/** The least a comparison asks of a server: GET /, one user, answers checked. */
import type { Checks, LoadPlan } from "../../src/lab/load/plan.ts";

export function healthPlan(checks: Partial<Checks> = {}): LoadPlan {
  return {
    target: { protocol: "http:", host: "127.0.0.1", port: 0, path: "/" },
    method: "GET",
    headers: [],
    body: null,
    arrivals: { kind: "closed", users: 4, thinkMs: 0 },
    durationMs: 100,
    requestMaxCount: null,
    warmUpMs: 0,
    connectionMaxCount: 4,
    threadCount: 1,
    keepsAlive: true,
    pipelining: 1,
    timeoutMs: 5_000,
    tls: { rejectsUnauthorized: true, ca: null, servername: null },
    checks: { statuses: [], headers: [], bodyIncludes: [], bodyMatches: [], ...checks },
    seed: 1,
    keepsSamples: false,
  };
}
