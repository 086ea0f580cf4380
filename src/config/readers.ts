/**
 * Readers: one value of a setting, from text (flags, environment) or already
 * typed (YAML, options), to what Config holds. The fault of a reader is a
 * phrase that follows `<setting> <value> `, saying what is accepted.
 * A reader must not touch the disk: what exists is checked in parse.ts.
 */
import { fail, ok, type Result } from "../base/result.ts";
import { parseDuration, parseSize } from "../base/units.ts";
import type { ContractName, EngineName, Isolation } from "./config.ts";

export type Reader<Value> = (value: unknown) => Result<Value, string>;

export const readSize: Reader<number> = (value) => parseSize(asText(value));

export const readDuration: Reader<number> = (value) => parseDuration(asText(value));

/** A limit of nothing would refuse everything, or be raised to a minimum that nobody asked for. */
export const readSizeAboveZero: Reader<number> = aboveZero(readSize, "1 byte");

export const readDurationAboveZero: Reader<number> = aboveZero(readDuration, "1ms");

function aboveZero(read: Reader<number>, least: string): Reader<number> {
  return (value) => {
    const result = read(value);
    return result.ok && result.value === 0 ? fail(`is nothing: give at least ${least}`) : result;
  };
}

export const readBoolean: Reader<boolean> = (value) => {
  if (typeof value === "boolean") return ok(value);
  const text = asText(value).toLowerCase();
  if (["true", "1", "yes", "on"].includes(text)) return ok(true);
  if (["false", "0", "no", "off", ""].includes(text)) return ok(false);
  return fail("is neither true nor false");
};

export const readText: Reader<string> = (value) =>
  typeof value === "string" && value !== "" && !value.includes("\0") ? ok(value) : fail("is not a text: give at least one character");

export function readCount(min: number, max: number): Reader<number> {
  return (value) => {
    const text = asText(value);
    const count = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
    return count >= min && count <= max ? ok(count) : fail(`is not a whole number from ${min} to ${max}`);
  };
}

/** A count, or "auto" for null. */
export function readCountOrAuto(min: number, max: number): Reader<number | null> {
  const count = readCount(min, max);
  return (value) => {
    if (value === "auto" || value === null) return ok(null);
    const result = count(value);
    return result.ok ? result : fail(`${result.failure}, nor "auto"`);
  };
}

export const readPort: Reader<number> = (value) => {
  const result = readCount(0, 65_535)(value);
  return result.ok ? result : fail("is not a port: use 1 to 65535, or 0 for any free one");
};

export const readHost: Reader<string> = (value) => {
  const text = asText(value).replace(/^\[(.*)\]$/, "$1");
  const plausible = /^[a-z0-9_.:%-]{1,253}$/i.test(text) && !/^\d+$/.test(text);
  return plausible ? ok(text) : fail("is not a host: use an address or a name, such as 127.0.0.1, ::1 or 0.0.0.0");
};

/** Where the admin API listens; "off" for null. */
export const readAddress: Reader<{ host: string | null; port: number } | null> = (value) => {
  if (value === false || value === null) return ok(null);
  const text = asText(value);
  if (["off", "none", "false"].includes(text.toLowerCase())) return ok(null);
  const fault = 'is not an address: use HOST:PORT such as 127.0.0.1:8081, a port alone, or "off"';
  const match = /^(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5})$/.exec(text);
  if (match === null) return fail(fault);
  const host = match[1] === undefined ? null : readHost(match[1]);
  const port = readPort(match[2]);
  if (host?.ok === false || !port.ok) return fail(fault);
  return ok({ host: host?.value ?? null, port: port.value });
};

export const readIsolation: Reader<Isolation> = (value) => {
  const fault = 'is not an isolation mode: use "shared", "request", "process", "bounded(100)" or "ttl(30s)"';
  const match = /^(shared|request|process|bounded|ttl)(?:\(([^()]*)\))?$/.exec(asText(value).trim());
  if (match === null) return fail(fault);
  const [, kind, argument] = match;
  if (kind === "bounded") {
    const calls = readCount(1, 1_000_000_000)(argument ?? "");
    return calls.ok ? ok({ kind, calls: calls.value }) : fail(fault);
  }
  if (kind === "ttl") {
    const ms = parseDuration(argument ?? "");
    return ms.ok && ms.value > 0 ? ok({ kind, ms: ms.value }) : fail(fault);
  }
  return argument === undefined ? ok({ kind: kind as "shared" | "request" | "process" }) : fail(fault);
};

export const readEngine: Reader<EngineName> = (value) =>
  value === "javascript" || value === "wasm" || value === "process"
    ? ok(value)
    : fail('is not an engine: use "javascript", "wasm" or "process"');

export const readContract: Reader<ContractName> = (value) =>
  value === "gojinn" || value === "cgi" || value === "command"
    ? ok(value)
    : fail('is not a request contract: use "gojinn", "cgi" or "command"');

/** RFC 9110 tokens, in upper case. */
export const readMethods: Reader<readonly string[]> = (value) => {
  const list = Array.isArray(value) ? value : typeof value === "string" ? value.split(/[\s,]+/) : [];
  const good = list.length > 0 && list.every((entry) => typeof entry === "string" && /^[A-Za-z-]{1,20}$/.test(entry));
  return good ? ok(list.map((entry: string) => entry.toUpperCase())) : fail("is not a list of methods: use [GET, POST]");
};

export const readRoute: Reader<string> = (value) => {
  const text = asText(value);
  const good = /^\/[^\s?#\\]{0,1023}$/.test(text) && !text.includes("//") && !/\*./.test(text) && !/[^/]\*$/.test(text);
  return good ? ok(text) : fail('is not a route: begin with "/", such as /users/:id or /files/*');
};

/** Names of environment variables. */
export const readNames: Reader<readonly string[]> = (value) => {
  const good = Array.isArray(value) && value.every((entry) => typeof entry === "string" && /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(entry));
  return good ? ok(value as string[]) : fail("is not a list of names: use [NAME, OTHER_NAME]");
};

/** Names of stores. Lower case and no path: some become names of files, on file systems that may not tell cases apart. */
export const readStoreNames: Reader<readonly string[]> = (value) => {
  const good =
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((entry) => typeof entry === "string" && /^[a-z0-9][a-z0-9._-]{0,63}$/.test(entry));
  return good
    ? ok([...new Set(value as string[])])
    : fail('is not a list of names: use [orders], of lower-case letters, digits, ".", "_" and "-", at most 64 each');
};

/** Names to texts; numbers and booleans become text, as they would in a shell. */
export const readEnvironment: Reader<Readonly<Record<string, string>>> = (value) => {
  const fault = "is not a map of names to texts: use NAME: value";
  if (!isPlainObject(value)) return fail(fault);
  const texts: Record<string, string> = {};
  for (const [name, entry] of Object.entries(value)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name) || name === "__proto__") return fail(fault);
    if (!["string", "number", "boolean"].includes(typeof entry)) return fail(fault);
    texts[name] = String(entry);
  }
  return ok(texts);
};

/** Web origins, or "*" for every public address. */
/** "HOST::GUEST", with ":rw" behind it where the guest may change the folder. */
export const readFolders: Reader<readonly string[]> = (value) => {
  const list = Array.isArray(value) ? value : [value];
  const good = list.length > 0 && list.every((entry) => typeof entry === "string" && /^[^:]+::\/[^:]*(?::r[ow])?$/.test(entry));
  return good ? ok(list as string[]) : fail('is not a list of folders: use ["./data::/data"], or ["./data::/data:rw"]');
};

export const readOrigins: Reader<readonly string[]> = (value) => {
  const fault = 'is not a list of origins: use ["https://api.example.com"], or ["*"] for every public address';
  if (!Array.isArray(value)) return fail(fault);
  const origins: string[] = [];
  for (const entry of value) {
    if (entry === "*") origins.push("*");
    else {
      const url = typeof entry === "string" ? URL.parse(entry) : null;
      if (url === null || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/" || url.search || url.hash || url.username)
        return fail(fault);
      origins.push(url.origin);
    }
  }
  return ok(origins);
};

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text of a scalar; anything else becomes something no reader accepts. */
function asText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "\0";
}
