/**
 * The command line that would run a plan again. Flags at their defaults are
 * left out; secrets are masked and bodies that no shell can carry are named as
 * a file to be given. Quoted for a POSIX shell: a URL is written by anybody,
 * and a reader will paste this.
 */
import { formatDuration } from "../../base/units.ts";
import type { Arrivals, Body, LoadPlan, TemplatePart } from "../load/plan.ts";
import { maskHeader, planUrl } from "./plan-text.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_CONNECTIONS = 50;
const DATA_SHOWN_MAX_LENGTH = 2_048;

/** Broken over lines, each ending in a backslash. */
export function reproduceCommand(plan: LoadPlan, thresholds: readonly string[]): string {
  const { checks, tls } = plan;
  const flags = [
    ...arrivalFlags(plan.arrivals),
    ...(plan.connectionMaxCount === DEFAULT_CONNECTIONS ? [] : [`--connections ${plan.connectionMaxCount}`]),
    ...(plan.durationMs === null || plan.arrivals.kind === "steps" ? [] : [`--duration ${formatDuration(plan.durationMs)}`]),
    ...(plan.requestMaxCount === null ? [] : [`--requests ${plan.requestMaxCount}`]),
    ...(plan.warmUpMs === 0 ? [] : [`--warm-up ${formatDuration(plan.warmUpMs)}`]),
    ...(plan.threadCount === 1 ? [] : [`--threads ${plan.threadCount}`]),
    `--seed ${plan.seed}`,
    ...(plan.method === (plan.body === null ? "GET" : "POST") ? [] : [`--method ${quoted(plan.method)}`]),
    ...plan.headers.map(([name, value]) => `--header ${quoted(`${name}: ${maskHeader(name, value)}`)}`),
    ...(plan.body === null ? [] : bodyFlags(plan.body)),
    ...(plan.timeoutMs === DEFAULT_TIMEOUT_MS ? [] : [`--timeout ${formatDuration(plan.timeoutMs)}`]),
    ...(plan.keepsAlive ? [] : ["--no-keep-alive"]),
    ...(plan.pipelining === 1 ? [] : [`--pipelining ${plan.pipelining}`]),
    ...(tls.rejectsUnauthorized ? [] : ["--insecure"]),
    ...(tls.ca === null ? [] : ["--ca FILE"]),
    ...(tls.servername === null ? [] : [`--servername ${quoted(tls.servername)}`]),
    ...(checks.statuses.length === 0 ? [] : [`--check-status ${checks.statuses.join(",")}`]),
    ...checks.headers.map(({ name, value }) => `--check-header ${quoted(`${name}: ${maskHeader(name, value)}`)}`),
    ...checks.bodyIncludes.map((text) => `--check-body ${quoted(text)}`),
    ...checks.bodyMatches.map((source) => `--check-match ${quoted(source)}`),
    ...thresholds.map((text) => `--threshold ${quoted(text)}`),
  ];
  return [`pilotlight load ${quoted(planUrl(plan.target))}`, ...flags].join(" \\\n  ");
}

function arrivalFlags(arrivals: Arrivals): string[] {
  switch (arrivals.kind) {
    case "closed":
      return arrivals.thinkMs === 0 ? [] : [`--think ${formatDuration(arrivals.thinkMs)}`];
    case "constant":
      return [`--rate ${arrivals.perSecond}`];
    case "poisson":
      return [`--rate ${arrivals.perSecond} --poisson`];
    case "steps":
      return [`--steps ${arrivals.steps.map((step) => `${step.perSecond}:${formatDuration(step.durationMs)}`).join(",")}`];
    case "ramp":
      return [`--ramp ${arrivals.fromPerSecond}..${arrivals.toPerSecond}`];
  }
}

function bodyFlags(body: Body): string[] {
  if (body.kind === "template") return ["--template", dataFlag(body.parts.map(templateText).join(""))];
  const text = Buffer.from(body.bytes).toString();
  return [Buffer.from(text).equals(body.bytes) ? dataFlag(text) : "--data @FILE"];
}

function templateText(part: TemplatePart): string {
  return typeof part === "string" ? part : `{{${part.fill}}}`;
}

/** A leading @ or a lone dash means a file; control characters don't survive a paste. */
function dataFlag(text: string): string {
  const isPlain = text !== "-" && !text.startsWith("@") && text.length <= DATA_SHOWN_MAX_LENGTH && !/[^\P{Cc}\n\t]/u.test(text);
  return `--data ${isPlain ? quoted(text) : "@FILE"}`;
}

/** Bare where no shell would see more in it than the text. */
function quoted(text: string): string {
  return /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
