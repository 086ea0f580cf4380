/**
 * The plan of a run as people read it, and as plain data for files: the URL,
 * the arrivals in words, bodies by their length, and secrets masked, because
 * reports are passed around.
 */
import { formatDuration } from "../../base/units.ts";
import type { Arrivals, Body, LoadPlan, Target } from "../load/plan.ts";
import { formatBytes, formatCount, formatRate } from "./format.ts";

const SECRET_NAME = /auth|cookie|token|secret|password|passwd|api-?key|signature|credential/i;
const MASK = "***";
const BODY_SHOWN_MAX_BYTES = 4_096;

export function planUrl(target: Target): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const standard = target.protocol === "http:" ? 80 : 443;
  return `${target.protocol}//${host}${target.port === standard ? "" : `:${target.port}`}${maskQuery(target.path)}`;
}

export function maskHeader(name: string, value: string): string {
  return SECRET_NAME.test(name) ? MASK : value;
}

function maskQuery(path: string): string {
  return path.replace(/([?&])([^=&]+)=([^&]*)/g, (whole, sign, name) => (SECRET_NAME.test(name) ? `${sign}${name}=${MASK}` : whole));
}

export function arrivalsText(arrivals: Arrivals): string {
  switch (arrivals.kind) {
    case "closed": {
      const thinks = arrivals.thinkMs > 0 ? `, each thinking ${formatDuration(arrivals.thinkMs)} between requests` : "";
      return `closed loop, ${formatCount(arrivals.users)} ${arrivals.users === 1 ? "user" : "users"}${thinks}`;
    }
    case "constant":
      return `open loop, ${formatRate(arrivals.perSecond)} requests/s`;
    case "poisson":
      return `open loop, Poisson arrivals, ${formatRate(arrivals.perSecond)} requests/s on average`;
    case "steps":
      return `open loop in steps: ${arrivals.steps.map((step) => `${formatRate(step.perSecond)}/s for ${formatDuration(step.durationMs)}`).join(", ")}`;
    case "ramp":
      return `open loop, from ${formatRate(arrivals.fromPerSecond)} to ${formatRate(arrivals.toPerSecond)} requests/s`;
  }
}

/** Everything but the arrivals: "1 thread, up to 64 connections, kept alive, seed 42". */
export function settingsText(plan: LoadPlan): string {
  const parts = [`${plan.threadCount} ${plan.threadCount === 1 ? "thread" : "threads"}`];
  if (plan.arrivals.kind !== "closed") parts.push(`up to ${formatCount(plan.connectionMaxCount)} connections`);
  parts.push(plan.keepsAlive ? "kept alive" : "a new connection for each request");
  if (plan.pipelining > 1) parts.push(`${plan.pipelining} requests at once on each`);
  if (plan.warmUpMs > 0) parts.push(`${formatDuration(plan.warmUpMs)} of warm-up not counted`);
  if (plan.body !== null) parts.push(bodyText(plan.body));
  parts.push(`seed ${plan.seed}`);
  return parts.join(", ");
}

function bodyText(body: Body): string {
  return body.kind === "bytes" ? `a body of ${formatBytes(body.bytes.length)}` : "a body filled in anew for each request";
}

/** The plan as data: what JSON can carry, without secrets, under names as the rest of a report has them. */
export function planData(plan: LoadPlan): Record<string, unknown> {
  return snakeCased({
    ...plan,
    target: { ...plan.target, path: maskQuery(plan.target.path) },
    headers: plan.headers.map(([name, value]) => [name, maskHeader(name, value)]),
    body: plan.body === null ? null : bodyData(plan.body),
    tls: { ...plan.tls, ca: plan.tls.ca === null ? null : "given" },
  }) as Record<string, unknown>;
}

/** durationMs -> duration_ms, all the way down; values stay. */
function snakeCased(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCased);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    snakeCased(inner),
  ]);
  return Object.fromEntries(entries);
}

function bodyData(body: Body): Record<string, unknown> {
  if (body.kind === "template") return { kind: body.kind, parts: body.parts };
  const shown = body.bytes.length <= BODY_SHOWN_MAX_BYTES ? { base64: Buffer.from(body.bytes).toString("base64") } : {};
  return { kind: body.kind, byteLength: body.bytes.length, ...shown };
}
