/**
 * console: each call becomes one log record at the host, under the id of the
 * call that wrote it. Values are shown the way a person would want to read
 * them, bounded in depth and length: a log line is no place for a megabyte.
 */
import { current, hostSync } from "./bridge.ts";
import { monotonicMs } from "./clock.ts";

const DEPTH_MAX = 4;
const ENTRIES_MAX = 50;
const LENGTH_MAX = 16 * 1024;

type Level = "debug" | "info" | "warn" | "error";

function write(level: Level, values: unknown[]): void {
  let text: string;
  try {
    text = format(values);
  } catch {
    text = "[a value that can't be shown]";
  }
  hostSync("log", level, text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}… (${text.length} characters)` : text, current.callId);
}

/** printf-style first argument as in the Console standard, then the rest separated by spaces. */
function format(values: unknown[]): string {
  const [first, ...rest] = values;
  if (typeof first !== "string" || !first.includes("%")) return values.map(showTop).join(" ");
  const text = first.replace(/%[sdifjoOc%]/g, (directive) => {
    if (directive === "%%") return "%";
    if (rest.length === 0) return directive;
    const value = rest.shift();
    if (directive === "%d" || directive === "%f") return String(Number(value));
    if (directive === "%i") return String(Math.trunc(Number(value)));
    if (directive === "%c") return "";
    return directive === "%s" ? showTop(value) : show(value, 0, new Set());
  });
  return [text, ...rest.map(showTop)].join(" ");
}

function showTop(value: unknown): string {
  return typeof value === "string" ? value : show(value, 0, new Set());
}

export function show(value: unknown, depth: number, seen: Set<object>): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[function ${value.name || "(anonymous)"}]`;
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`;
  if (seen.has(value)) return "[circular]";
  if (depth >= DEPTH_MAX) return Array.isArray(value) ? "[array]" : "[object]";
  seen.add(value);
  try {
    return showObject(value, depth + 1, seen);
  } finally {
    seen.delete(value);
  }
}

function showObject(value: object, depth: number, seen: Set<object>): string {
  const list = (items: string[], total: number, open: string, close: string): string => {
    if (total > items.length) items.push(`… ${total - items.length} more`);
    return items.length === 0 ? open + close : `${open} ${items.join(", ")} ${close}`;
  };
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) {
    return list(
      value.slice(0, ENTRIES_MAX).map((item) => show(item, depth, seen)),
      value.length,
      "[",
      "]",
    );
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const items = value as unknown as ArrayLike<number | bigint>;
    return `${value.constructor.name}(${items.length}) ${list(
      Array.from({ length: Math.min(items.length, ENTRIES_MAX) }, (_, at) => String(items[at])),
      items.length,
      "[",
      "]",
    )}`;
  }
  if (value instanceof Map) {
    const items = [...value].slice(0, ENTRIES_MAX).map(([key, item]) => `${show(key, depth, seen)} => ${show(item, depth, seen)}`);
    return `Map(${value.size}) ${list(items, value.size, "{", "}")}`;
  }
  if (value instanceof Set) {
    return `Set(${value.size}) ${list(
      [...value].slice(0, ENTRIES_MAX).map((item) => show(item, depth, seen)),
      value.size,
      "{",
      "}",
    )}`;
  }
  if (value instanceof Promise) return "Promise { … }";
  const iterable = (value as { entries?: unknown }).entries;
  const name = value.constructor?.name ?? "";
  if (typeof iterable === "function" && name === "Headers") {
    return `Headers ${show(Object.fromEntries(value as unknown as Iterable<[string, string]>), depth, seen)}`;
  }
  const keys = Object.keys(value);
  const items = keys.slice(0, ENTRIES_MAX).map((key) => {
    const label = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
    return `${label}: ${show((value as Record<string, unknown>)[key], depth, seen)}`;
  });
  return (name === "" || name === "Object" ? "" : `${name} `) + list(items, keys.length, "{", "}");
}

const counts = new Map<string, number>();
const startsMs = new Map<string, number>();

export const console = {
  debug: (...values: unknown[]) => write("debug", values),
  log: (...values: unknown[]) => write("info", values),
  info: (...values: unknown[]) => write("info", values),
  warn: (...values: unknown[]) => write("warn", values),
  error: (...values: unknown[]) => write("error", values),
  trace: (...values: unknown[]) => write("debug", [...values, new Error("trace").stack ?? ""]),
  dir: (value: unknown) => write("info", [value]),
  dirxml: (...values: unknown[]) => write("info", values),
  table: (value: unknown) => write("info", [value]),
  group: (...values: unknown[]) => write("info", values),
  groupCollapsed: (...values: unknown[]) => write("info", values),
  groupEnd: () => {},
  assert: (condition: unknown, ...values: unknown[]) => {
    if (!condition) write("error", ["Assertion failed:", ...values]);
  },
  count: (label = "default") => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    write("info", [`${label}: ${counts.get(label)}`]);
  },
  countReset: (label = "default") => {
    counts.delete(label);
  },
  time: (label = "default") => {
    startsMs.set(label, monotonicMs());
  },
  timeLog: (label = "default", ...values: unknown[]) => write("info", [`${label}: ${sinceStart(label)}ms`, ...values]),
  timeEnd: (label = "default") => {
    write("info", [`${label}: ${sinceStart(label)}ms`]);
    startsMs.delete(label);
  },
};

function sinceStart(label: string): number {
  const nowMs = monotonicMs();
  return Math.round(nowMs - (startsMs.get(label) ?? nowMs));
}
