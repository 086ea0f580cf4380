/**
 * LoadPlan: everything a run of the load generator needs to know, decided before
 * its first request. Made by the command line or by a comparison, never changed, and
 * handed to every load thread as it is: plain data that survives postMessage.
 */

/** When requests are sent. */
export type Arrivals =
  /** Each of `users` sends its next request `thinkMs` after its last answer. */
  | { readonly kind: "closed"; readonly users: number; readonly thinkMs: number }
  /** Open loop: a request is due whether or not the last was answered. */
  | { readonly kind: "constant"; readonly perSecond: number }
  | { readonly kind: "poisson"; readonly perSecond: number }
  /** One rate after another; after the last step the run ends. */
  | { readonly kind: "steps"; readonly steps: readonly { readonly perSecond: number; readonly durationMs: number }[] }
  /** Linear from the first rate to the second over the whole duration. */
  | { readonly kind: "ramp"; readonly fromPerSecond: number; readonly toPerSecond: number };

export interface Target {
  readonly protocol: "http:" | "https:";
  readonly host: string;
  readonly port: number;
  /** Path and query, as sent. */
  readonly path: string;
}

/** What an answer must be to count as one; a request that fails any of them has failed. */
export interface Checks {
  /** Empty: 200 to 399. */
  readonly statuses: readonly number[];
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  /** Text that the body contains. */
  readonly bodyIncludes: readonly string[];
  /** Source of a regular expression that the body matches. */
  readonly bodyMatches: readonly string[];
  /** The body itself, compared as it comes: how a benchmark looks at every byte of answers too large to keep. No flag sets it. */
  readonly bodyIs?: Uint8Array;
}

/** Pieces of a body between which a value is put anew for each request. */
export type TemplatePart = string | { readonly fill: "sequence" | "random" | "uuid" | "timestamp" };

export type Body =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "template"; readonly parts: readonly TemplatePart[] };

export interface LoadPlan {
  readonly target: Target;
  readonly method: string;
  /** In the order they are sent; `host`, `content-length` and `connection` are added when absent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Body | null;
  readonly arrivals: Arrivals;
  /** Whichever comes first ends the run; at least one is set (steps bring their own). */
  readonly durationMs: number | null;
  readonly requestMaxCount: number | null;
  /** Requests due in this time are sent and not counted. */
  readonly warmUpMs: number;
  /** Open loop: as many at most; a request that finds none waits, and its wait counts. Closed loop: the users. */
  readonly connectionMaxCount: number;
  readonly threadCount: number;
  readonly keepsAlive: boolean;
  /** Requests on their way at once on one connection. */
  readonly pipelining: number;
  /** From the intended send time to the end of the answer. */
  readonly timeoutMs: number;
  readonly tls: { readonly rejectsUnauthorized: boolean; readonly ca: string | null; readonly servername: string | null };
  readonly checks: Checks;
  /** Of what is random: Poisson gaps, template values. Printed with the result. */
  readonly seed: number;
  /** Whether each request's own line is kept (for the CSV). */
  readonly keepsSamples: boolean;
}

/** What the measured part is meant to last; null when only the count of requests ends it. */
export function plannedDurationMs({ arrivals, durationMs }: Pick<LoadPlan, "arrivals" | "durationMs">): number | null {
  return arrivals.kind === "steps" ? arrivals.steps.reduce((sum, step) => sum + step.durationMs, 0) : durationMs;
}
