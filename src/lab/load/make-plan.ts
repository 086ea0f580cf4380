/**
 * makePlan: what a command line says about a load run becomes one plan,
 * with all problems reported together. Takes text, so that `load` and
 * `bench ab` read alike; files were read by the caller. Pure.
 */
import { isIP } from "node:net";
import { type Failure, fail, ok, type Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import { parseTemplate } from "./body-template.ts";
import type { Arrivals, Body, Checks, LoadPlan, Target } from "./plan.ts";
import {
  readHeader,
  readMethod,
  readPattern,
  readRamp,
  readRate,
  readSentHeader,
  readStatuses,
  readSteps,
  readTime,
  readUrl,
  readWhole,
} from "./plan-values.ts";

/** Flags by name without dashes, as typed. What is absent has its default. */
export interface LoadOptions {
  readonly url: string;
  readonly connections?: string;
  readonly duration?: string;
  readonly requests?: string;
  readonly "warm-up"?: string;
  readonly rate?: string;
  readonly poisson?: boolean;
  readonly steps?: string;
  readonly ramp?: string;
  readonly think?: string;
  readonly threads?: string;
  readonly method?: string;
  readonly headers?: readonly string[];
  /** The body itself; with `template`, its text. */
  readonly data?: Uint8Array;
  readonly template?: boolean;
  readonly keepsAlive?: boolean;
  readonly pipelining?: string;
  readonly timeout?: string;
  readonly "check-status"?: readonly string[];
  readonly "check-header"?: readonly string[];
  readonly "check-body"?: readonly string[];
  readonly "check-match"?: readonly string[];
  readonly insecure?: boolean;
  /** PEM text. */
  readonly ca?: string;
  readonly servername?: string;
  readonly seed?: string;
  readonly keepsSamples?: boolean;
  /** Cores that the generator may count on sharing with the server. */
  readonly coreCount?: number;
}

const CONNECTION_MAX_COUNT = 65_535;
const THREAD_MAX_COUNT = 64;
const PIPELINING_MAX = 128;
const PIPELINED_MAX_BYTES = 64 * MIB;
const SEED_MAX = 2 ** 32 - 1;
/** One thread sends about 80,000 requests a second; two take the load off each other well before that. */
const HIGH_PER_SECOND = 30_000;
const HIGH_CONNECTION_COUNT = 1_000;
/** Two for the load and two for who is measured. */
const CORES_FOR_TWO_THREADS = 4;

export function makePlan(options: LoadOptions): Result<LoadPlan, readonly Failure[]> {
  const problems: Failure[] = [];
  const complain = (message: string, hint: string): void => {
    problems.push({ code: "LOAD_BAD_FLAG", message, hint });
  };
  const read = <Value>(name: string, text: string, reader: (text: string) => Result<Value, string>, otherwise: Value): Value => {
    const result = reader(text);
    if (result.ok) return result.value;
    problems.push({ code: "LOAD_BAD_FLAG", message: `${name} "${text}" ${result.failure}` });
    return otherwise;
  };
  const readEach = <Value>(name: string, texts: readonly string[] | undefined, reader: (text: string) => Result<Value, string>): Value[] =>
    (texts ?? []).map((text) => read<Value | null>(name, text, reader, null)).filter((value) => value !== null);

  const target = read<Target | null>("URL", options.url, readUrl, null);
  const connectionMaxCount = read("--connections", options.connections ?? "50", readWhole(1, CONNECTION_MAX_COUNT), 1);
  const durationText = options.duration ?? (options.requests === undefined || options.ramp !== undefined ? "10s" : null);
  const durationMs = durationText === null || options.steps !== undefined ? null : read("--duration", durationText, readTime(1), 1);
  const requestMaxCount = options.requests === undefined ? null : read("--requests", options.requests, readWhole(1, 1e9), 1);
  const thinkMs = read("--think", options.think ?? "0", readTime(0), 0);
  const arrivals = readArrivals();
  const seed = read("--seed", options.seed ?? "1", readWhole(0, SEED_MAX), 1);
  const headers = readEach("--header", options.headers, readSentHeader);
  const body = readBody();
  const checks: Checks = {
    statuses: readEach("--check-status", options["check-status"], readStatuses).flat(),
    headers: readEach("--check-header", options["check-header"], readHeader).map(([name, value]) => ({ name, value })),
    bodyIncludes: options["check-body"] ?? [],
    bodyMatches: readEach("--check-match", options["check-match"], readPattern),
  };
  const method = read("--method", options.method ?? (body === null ? "GET" : "POST"), readMethod, "GET");
  if (method === "HEAD" && checks.bodyIncludes.length + checks.bodyMatches.length > 0) {
    complain("An answer to HEAD has no body to check", "Leave out --check-body and --check-match, or use GET");
  }
  const threadCount = Math.min(connectionMaxCount, readThreads());
  const pipelining = read("--pipelining", options.pipelining ?? "1", readWhole(1, PIPELINING_MAX), 1);
  if (pipelining > 1 && options.keepsAlive === false) {
    complain("--pipelining needs a connection that is kept alive", "Leave out --no-keep-alive");
  }
  // They leave in one write.
  if (pipelining > 1 && pipelining * (options.data?.length ?? 0) > PIPELINED_MAX_BYTES) {
    complain(
      `--pipelining ${pipelining} of this body is more than ${PIPELINED_MAX_BYTES / MIB} MiB at once`,
      "Lower --pipelining, or send a smaller body",
    );
  }
  if (options.servername !== undefined && (isIP(options.servername) !== 0 || options.servername === "")) {
    complain(
      `--servername "${options.servername}" is no name: TLS has no addresses there`,
      "Leave it out, or give the name that the certificate is for",
    );
  }
  const timeoutMs = read("--timeout", options.timeout ?? "30s", readTime(1), 1);
  const warmUpMs = read("--warm-up", options["warm-up"] ?? "0", readTime(0), 0);
  if (problems.length > 0 || target === null) return fail(problems);
  return ok({
    target,
    method,
    headers,
    body,
    arrivals,
    durationMs,
    requestMaxCount,
    warmUpMs,
    connectionMaxCount,
    threadCount,
    keepsAlive: options.keepsAlive ?? true,
    pipelining,
    timeoutMs,
    tls: { rejectsUnauthorized: options.insecure !== true, ca: options.ca ?? null, servername: options.servername ?? null },
    checks,
    seed,
    keepsSamples: options.keepsSamples ?? false,
  });

  function readArrivals(): Arrivals {
    const given = (["rate", "steps", "ramp"] as const).filter((name) => options[name] !== undefined);
    if (given.length > 1) complain(`--${given.join(" and --")} exclude each other`, "Keep one of them");
    if (options.poisson && options.rate === undefined) {
      if (given.length > 0) complain(`--poisson is for the constant rate of --rate, not for --${given[0]}`, "Leave one of them out");
      else complain("--poisson needs a rate", "Give --rate N");
    }
    if (given.length > 0 && thinkMs > 0) complain(`--think is for a closed loop, --${given[0]} for an open one`, "Keep one of them");
    if (options.steps !== undefined) {
      if (options.duration !== undefined) complain("--steps brings its own duration", "Leave out --duration");
      return { kind: "steps", steps: read("--steps", options.steps, readSteps, []) };
    }
    if (options.ramp !== undefined)
      return { kind: "ramp", ...read("--ramp", options.ramp, readRamp, { fromPerSecond: 1, toPerSecond: 1 }) };
    if (options.rate === undefined) return { kind: "closed", users: connectionMaxCount, thinkMs };
    return { kind: options.poisson ? "poisson" : "constant", perSecond: read("--rate", options.rate, readRate, 1) };
  }

  function readBody(): Body | null {
    if (options.template && options.data === undefined) complain("--template needs a body", "Give --data TEXT or --data @FILE");
    if (options.data === undefined) return null;
    if (!options.template) return { kind: "bytes", bytes: options.data };
    const parts = parseTemplate(Buffer.from(options.data).toString());
    if (parts.ok) return { kind: "template", parts: parts.value };
    complain(`--data ${parts.failure}`, "Mend the name, or leave out --template to send the text as it is");
    return null;
  }

  function readThreads(): number {
    if (options.threads !== undefined) return read("--threads", options.threads, readWhole(1, THREAD_MAX_COUNT), 1);
    const isHigh = connectionMaxCount >= HIGH_CONNECTION_COUNT || highestPerSecond(arrivals) >= HIGH_PER_SECOND;
    return isHigh && (options.coreCount ?? 1) >= CORES_FOR_TWO_THREADS ? 2 : 1;
  }
}

function highestPerSecond(arrivals: Arrivals): number {
  switch (arrivals.kind) {
    case "closed":
      return 0;
    case "steps":
      return Math.max(0, ...arrivals.steps.map(({ perSecond }) => perSecond));
    case "ramp":
      return Math.max(arrivals.fromPerSecond, arrivals.toPerSecond);
    default:
      return arrivals.perSecond;
  }
}
