/**
 * What stands behind the flags of a load run, from text to what a plan holds.
 * The fault of a reader is a phrase that follows `--flag "text" `.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { parseDuration } from "../../base/units.ts";
import type { Target } from "./plan.ts";

const PER_SECOND_MAX = 1_000_000;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

export function readUrl(text: string): Result<Target, string> {
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const url = URL.parse(hasScheme ? text : `http://${text}`);
  if (url === null || url.hostname === "") return fail("is no URL: write http://HOST:PORT/PATH");
  if (url.protocol !== "http:" && url.protocol !== "https:") return fail("is neither http:// nor https://");
  if (url.username !== "" || url.password !== "") return fail("holds a password: give it as a header, -H 'authorization: …'");
  const { protocol } = url;
  const port = url.port === "" ? (protocol === "https:" ? 443 : 80) : Number(url.port);
  return ok({ protocol, host: url.hostname.replace(/^\[|\]$/g, ""), port, path: `${url.pathname}${url.search}` });
}

export function readRate(text: string): Result<number, string> {
  const rate = /^\d{1,9}(?:\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  return rate > 0 && rate <= PER_SECOND_MAX ? ok(rate) : fail(`is not a rate: requests a second, above 0 and at most ${PER_SECOND_MAX}`);
}

export interface Step {
  readonly perSecond: number;
  readonly durationMs: number;
}

export function readSteps(text: string): Result<readonly Step[], string> {
  const steps: Step[] = [];
  for (const part of text.split(",")) {
    const [rateText, durationText, ...rest] = part.trim().split(":");
    const rate = readRate(rateText ?? "");
    const duration = parseDuration(durationText ?? "");
    if (!rate.ok || !duration.ok || duration.value === 0 || duration.value > TIME_MAX_MS || rest.length > 0) {
      return fail(`has the step "${part}": write RATE:TIME,RATE:TIME, such as 100:10s,200:10s`);
    }
    steps.push({ perSecond: rate.value, durationMs: duration.value });
  }
  return ok(steps);
}

export function readRamp(text: string): Result<{ readonly fromPerSecond: number; readonly toPerSecond: number }, string> {
  const [fromText, toText, ...rest] = text.split("..");
  const from = fromText === "0" ? ok(0) : readRate(fromText ?? "");
  const to = toText === "0" ? ok(0) : readRate(toText ?? "");
  if (!from.ok || !to.ok || rest.length > 0 || from.value + to.value === 0) {
    return fail("is no ramp: write FROM..TO in requests a second, such as 100..2000");
  }
  return ok({ fromPerSecond: from.value, toPerSecond: to.value });
}

const HEADER = new RegExp(`^(${TOKEN}):[ \\t]*([^\\r\\n\\0]*?)[ \\t]*$`);

export function readHeader(text: string): Result<readonly [string, string], string> {
  const match = HEADER.exec(text);
  return match === null ? fail("is not a header: write 'Name: value'") : ok([match[1]!, match[2]!]);
}

/** Framing is the generator's: a body whose length is told wrongly would measure the server's errors. */
export function readSentHeader(text: string): Result<readonly [string, string], string> {
  const header = readHeader(text);
  if (!header.ok) return header;
  const [name, value] = header.value;
  if (/^(?:content-length|transfer-encoding)$/i.test(name)) return fail("is set from the body: leave it out");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: servers refuse them, and so does node:http.
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return fail("holds control characters: leave them out");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end up on the wire.
  return /[^\x00-\xff]/.test(value) ? fail("holds characters that a header can't: percent-encode them") : header;
}

export function readStatuses(text: string): Result<readonly number[], string> {
  const statuses = text.split(",").map((part) => (/^[2-5]\d\d$/.test(part.trim()) ? Number(part) : Number.NaN));
  return statuses.some(Number.isNaN) ? fail("is not a status: use 200 to 599, several with commas") : ok(statuses);
}

export function readPattern(text: string): Result<string, string> {
  try {
    new RegExp(text);
    return ok(text);
  } catch (error) {
    return fail(`is not a regular expression: ${(error as Error).message}`);
  }
}

export function readMethod(text: string): Result<string, string> {
  return /^[A-Za-z][A-Za-z-]{0,19}$/.test(text) ? ok(text.toUpperCase()) : fail("is not a method");
}

export function readWhole(min: number, max: number): (text: string) => Result<number, string> {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? ok(value) : fail(`is not a whole number from ${min} to ${max}`);
  };
}

/** A timer can't be set for longer than 24 days, and fires at once when it is. */
const TIME_MAX_MS = 240 * 3_600_000;

/** `minMs`: what a duration of nothing would do to the run is never what was meant. */
export function readTime(minMs: number): (text: string) => Result<number, string> {
  return (text) => {
    const duration = parseDuration(text);
    if (duration.ok && duration.value < minMs) return fail(`is too short: give at least ${minMs}ms`);
    return duration.ok && duration.value > TIME_MAX_MS ? fail("is too long: give at most 240h") : duration;
  };
}
