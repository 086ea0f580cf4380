/**
 * Readers of what only the mirror's settings hold: addresses of indexes,
 * patterns of names, levels of logs. As in ../readers.ts, the fault of one is
 * a phrase that follows `<setting> <value> `, and none touches the disk.
 */
import { normaliseName } from "../../base/project-name.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { DAY_MS, formatDuration, GIB, HOUR_MS, MIB, MINUTE_MS } from "../../base/units.ts";
import type { MirrorConfig, NamePin, PolicyConfig } from "../mirror-config.ts";
import { type Reader, readCount, readDuration, readDurationAboveZero, readNames, readSize } from "../readers.ts";
import { type IndexAddress, parseIndexAddress } from "./index-address.ts";

/** proxpi's and groxpi's variables are seconds where they say no unit; everything else of ours is milliseconds then. */
export function inSeconds(read: Reader<number>): Reader<number> {
  return (value) => {
    const text = String(value).trim();
    const isBare = /^(?:\d+\.?\d*|\.\d+)$/.test(text);
    const result = read(isBare ? `${Number(text).toFixed(3)}s` : value);
    if (result.ok || !result.failure.startsWith("is not a duration")) return result;
    return fail("is not a duration: use seconds or a number with ms, s, m, h or d: 1800, 0.9, 30m");
  };
}

/** A timer of more would end at once: Node's hold 31 bits. */
const WAIT_MAX_MS = DAY_MS;

export const readWait: Reader<number> = (value) => {
  const result = readDurationAboveZero(value);
  return result.ok && result.value > WAIT_MAX_MS ? fail(`is more than ${WAIT_MAX_MS / HOUR_MS} hours`) : result;
};

/** Nobody waits for seconds: whoever writes 7 means days, and would have no cool-down without knowing. */
export const readCooldown: Reader<number> = (value) => {
  const result = readDuration(value);
  if (!result.ok || result.value === 0 || result.value >= MINUTE_MS) return result;
  const amount = Number.parseFloat(String(value));
  return fail(`is ${formatDuration(result.value)}, which holds nothing back: did you mean ${amount}d? 0 is off`);
};

/** Separated by commas, as proxpi writes them, or by blanks, as pip does; or a list. */
export function readList<Value>(read: Reader<Value>): Reader<readonly Value[]> {
  return (value) => {
    const parts: unknown[] = Array.isArray(value) ? value : typeof value === "string" ? value.split(/[\s,]+/).filter(Boolean) : [value];
    const values: Value[] = [];
    for (const part of parts) {
      const result = read(part);
      if (!result.ok) return fail(parts.length === 1 ? result.failure : `holds one that ${result.failure}`);
      values.push(result.value);
    }
    return ok(values);
  };
}

export const readIndexUrl: Reader<IndexAddress> = (value) => parseIndexAddress(typeof value === "string" ? value : "");

export const readTtl: Reader<number> = readDuration;

export const readStorageType: Reader<"local" | "s3"> = (value) => {
  const text = String(value).toLowerCase();
  if (text === "local" || text === "s3") return ok(text);
  if (text === "hybrid" || text === "tiered")
    return fail('is not offered: use "local", or "s3"; with s3 the pages and the catalogue lie on this machine anyway');
  return fail('is no storage: use "local" or "s3"');
};

/** Of an S3 service: scheme, host and port; the scheme may be left to S3_USE_SSL. */
export const readEndpoint: Reader<string> = (value) => {
  const fault = "is no address of a service: use https://HOST:PORT";
  const text = typeof value === "string" ? value.trim() : "";
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `https://${text}`);
  if (url === null || !["http:", "https:"].includes(url.protocol) || url.hostname === "" || url.username !== "") return fail(fault);
  return url.pathname === "/" && url.search === "" && url.hash === "" ? ok(text.replace(/\/$/, "")) : fail(fault);
};

export const readBucket: Reader<string> = (value) =>
  typeof value === "string" && /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value)
    ? ok(value)
    : fail("is no name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes");

/** Without slashes at its ends; "" for none. */
export const readPrefix: Reader<string> = (value) => {
  const text = typeof value === "string" ? value.replace(/^\/+|\/+$/g, "") : "\0";
  const hasGoodParts = text === "" || text.split("/").every((part) => !/^\.{0,2}$/.test(part));
  const good = hasGoodParts && /^[A-Za-z0-9!_.*'()/-]{0,512}$/.test(text);
  return good ? ok(text) : fail("is no prefix of keys: use letters, digits, -, _, . and single / between them");
};

export const readRegion: Reader<string> = (value) =>
  typeof value === "string" && /^[a-z0-9-]{1,40}$/.test(value)
    ? ok(value)
    : fail("is no region: use the provider's name for it, such as eu-west-1");

/** What S3 takes as a part of an upload. */
export const readPartSize: Reader<number> = (value) => {
  const result = readSize(value);
  const isPart = result.ok && result.value >= 5 * MIB && result.value <= 5 * GIB;
  return result.ok && !isPart ? fail("is no part's size: S3 takes 5m to 5g") : result;
};

/** A secret's text: nothing of it appears in a fault. */
export const readSecret: Reader<string> = (value) =>
  // Bytes that can't stand in a header would make every request fail with something unreadable.
  typeof value === "string" && /^[\x21-\x7e]{1,4096}$/.test(value) ? ok(value) : fail("holds characters that no key or token has");

export const readPassword: Reader<string> = (value) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  typeof value === "string" && /^[^\x00-\x1f\x7f]{1,4096}$/.test(value) ? ok(value) : fail("holds characters that no password has");

/** User names: a colon would end them early in a Basic credential. */
export const readUserName: Reader<string> = (value) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused.
  typeof value === "string" && /^[^\x00-\x1f\x7f:]{1,256}$/.test(value) ? ok(value) : fail("is no user name");

/** Names of variables: a list, or a single one. */
export const readVariableNames: Reader<readonly string[]> = (value) => readNames(typeof value === "string" ? [value] : value);

export const readVariableName: Reader<string> = (value) => {
  const result = readNames([value]);
  return result.ok ? ok(result.value[0]!) : fail("is no name of a variable: use NAME");
};

/** As index names appear in metrics and logs. "packages" is the folder of packages. */
export const readIndexName: Reader<string> = (value) => {
  const good = typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value);
  if (!good) return fail("is no name of an index: use letters, digits, dots, dashes and underscores");
  return value === "packages" ? fail("means the folder of packages: choose another name") : ok(value);
};

/** A name of projects in which "*" stands for any characters; normalised as PEP 503 has it. */
export const readPattern: Reader<string> = (value) => {
  const text = typeof value === "number" ? String(value) : value;
  const good = typeof text === "string" && /^[A-Za-z0-9*](?:[A-Za-z0-9._*-]{0,254}[A-Za-z0-9*])?$/.test(text);
  return good ? ok(normaliseName(text)) : fail('is no name of a project: use letters, digits, dots and dashes, with "*" for any');
};

export const readPatterns: Reader<readonly string[]> = readList(readPattern);

/** "PATTERN=INDEX", as the flag has it. */
export const readPins: Reader<readonly NamePin[]> = readList((value): Result<NamePin, string> => {
  const [pattern, index, ...rest] = String(value).split("=");
  const read = readPattern(pattern);
  const name = readIndexName(index);
  if (index === undefined || rest.length > 0) return fail("is no pin: use PATTERN=INDEX, such as acme-*=company");
  if (!read.ok) return read;
  return name.ok ? ok({ pattern: read.value, index: name.value }) : name;
});

export const readPolicyMode: Reader<PolicyConfig["mode"]> = (value) =>
  value === "enforce" || value === "shadow" ? ok(value) : fail('is no mode of the policy: use "enforce" or "shadow"');

type Level = MirrorConfig["log"]["level"];

/** Python's names and numbers, groxpi's, and ours. */
const LEVELS: Readonly<Record<string, Level>> = {
  trace: "debug",
  debug: "debug",
  notset: "debug",
  "0": "debug",
  "10": "debug",
  info: "info",
  "20": "info",
  warn: "warn",
  warning: "warn",
  "30": "warn",
  error: "error",
  critical: "error",
  fatal: "error",
  "40": "error",
  "50": "error",
};

export const readLogLevel: Reader<Level> = (value) => {
  const name = String(value).trim().toLowerCase();
  return Object.hasOwn(LEVELS, name) ? ok(LEVELS[name]!) : fail('is no level: use "debug", "info", "warn" or "error"');
};

export const readLogFormat: Reader<MirrorConfig["log"]["format"]> = (value) => {
  const text = String(value).trim().toLowerCase();
  return text === "json" || text === "console" ? ok(text) : fail('is no format of logs: use "json" or "console"');
};

/** Requests that go on at once. */
export const readConcurrency: Reader<number> = readCount(1, 1_000);
