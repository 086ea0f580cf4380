/**
 * util.inspect and util.format: values the way Node shows them, in the cases
 * that log lines and error messages are made of. Bounded in depth, entries and
 * text; never runs a getter.
 */
import { isBoxedPrimitive, isDate, isMap, isNativeError, isPromise, isRegExp, isSet } from "./util-types.ts";

export interface InspectOptions {
  depth?: number | null;
  breakLength?: number;
  maxArrayLength?: number | null;
  maxStringLength?: number | null;
  showHidden?: boolean;
  sorted?: boolean | ((a: string, b: string) => number);
  compact?: boolean | number;
  colors?: boolean;
  [other: string]: unknown;
}

const custom = Symbol.for("nodejs.util.inspect.custom");
const DEFAULTS = { depth: 2, breakLength: 80, maxArrayLength: 100, maxStringLength: 10_000 };
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;
/** Objects with more levels inside than this spread over lines, however short. */
const LEVELS_PER_LINE = 3;
/** What Node reserves on a line besides the entries. */
const LINE_SLACK = 10;

class Inspector {
  readonly options: InspectOptions;
  readonly #path: object[] = [];
  readonly #circular = new Map<object, number>();
  /** Depth of the object shown last: how many levels the one being laid out has inside. */
  #deepest = 0;

  constructor(options: InspectOptions) {
    this.options = { ...DEFAULTS, ...options };
  }

  show(value: unknown, depth: number): string {
    if (typeof value === "string") return depth === 0 ? quote(value) : quote(this.#clip(value));
    if (typeof value === "bigint") return `${value}n`;
    if (Object.is(value, -0)) return "-0";
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return String(value);
    const own = (value as Record<symbol, unknown>)[custom];
    if (typeof own === "function" && own !== inspect) {
      const left = (this.options.depth ?? Number.POSITIVE_INFINITY) - depth;
      const shown: unknown = own.call(value, left, { ...this.options, stylize: (text: string) => text }, inspect);
      return typeof shown === "string" ? shown : this.show(shown, depth);
    }
    if (this.#path.includes(value)) {
      const index = this.#circular.get(value) ?? this.#circular.size + 1;
      this.#circular.set(value, index);
      return `[Circular *${index}]`;
    }
    return this.#showObject(value, depth);
  }

  #showObject(value: object, depth: number): string {
    const brand = brandOf(value);
    if (depth > (this.options.depth ?? Number.POSITIVE_INFINITY)) return `[${Array.isArray(value) ? "Array" : brand || "Object"}]`;
    this.#path.push(value);
    const deepestBefore = this.#deepest;
    this.#deepest = depth;
    try {
      const { prefix, entries, brackets } = this.#content(value, brand, depth);
      entries.push(...this.#fields(value, depth));
      // What is empty counts for no level.
      if (entries.length === 0) this.#deepest = deepestBefore;
      const reference = this.#circular.has(value) ? `<ref *${this.#circular.get(value)}> ` : "";
      if (entries.length === 0 && brackets === null) return reference + prefix;
      const [open, close] = brackets ?? "{}";
      return reference + this.#layout(entries, prefix, open as string, close as string, depth);
    } finally {
      this.#path.pop();
    }
  }

  /** What stands before the fields, and what the object holds beside them. */
  #content(value: object, brand: string, depth: number): { prefix: string; entries: string[]; brackets: string | null } {
    if (Array.isArray(value))
      return { prefix: brand === "Array" ? "" : `${brand}(${value.length})`, entries: this.#items(value, depth), brackets: "[]" };
    if (typeof value === "function") return { prefix: functionText(value), entries: [], brackets: null };
    if (isNativeError(value)) return { prefix: errorText(value as Error), entries: [], brackets: null };
    if (isDate(value)) return { prefix: dateText(value as Date), entries: [], brackets: null };
    if (isRegExp(value)) return { prefix: String(value), entries: [], brackets: null };
    if (isBoxedPrimitive(value)) return { prefix: `[${brand}: ${this.show(value.valueOf(), depth)}]`, entries: [], brackets: null };
    if (isMap(value)) {
      const entries = [...(value as Map<unknown, unknown>)].map(
        ([key, item]) => `${this.show(key, depth + 1)} => ${this.show(item, depth + 1)}`,
      );
      return { prefix: `${brand}(${entries.length})`, entries: this.#cut(entries), brackets: "{}" };
    }
    if (isSet(value)) {
      const entries = [...(value as Set<unknown>)].map((item) => this.show(item, depth + 1));
      return { prefix: `${brand}(${entries.length})`, entries: this.#cut(entries), brackets: "{}" };
    }
    if (isPromise(value)) return { prefix: brand, entries: ["<state unknown>"], brackets: "{}" };
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      const array = value as unknown as number[];
      return { prefix: `${brand}(${array.length})`, entries: this.#items(array, depth), brackets: "[]" };
    }
    if (value instanceof ArrayBuffer) return { prefix: brand, entries: [`byteLength: ${value.byteLength}`], brackets: "{}" };
    return { prefix: brand === "Object" ? "" : brand === "" ? "[Object: null prototype]" : brand, entries: [], brackets: "{}" };
  }

  #items(array: ArrayLike<unknown>, depth: number): string[] {
    const limit = Math.min(array.length, this.options.maxArrayLength ?? Number.POSITIVE_INFINITY);
    const shown: string[] = [];
    for (let at = 0; at < limit; at++) {
      if (at in (array as object)) {
        shown.push(this.show(array[at], depth + 1));
        continue;
      }
      const start = at;
      while (at + 1 < array.length && !(at + 1 in (array as object))) at++;
      shown.push(`<${at - start + 1} empty item${at === start ? "" : "s"}>`);
    }
    const more = array.length - limit;
    return more > 0 ? [...shown, `... ${more} more item${more === 1 ? "" : "s"}`] : shown;
  }

  #cut(entries: string[]): string[] {
    const limit = this.options.maxArrayLength ?? Number.POSITIVE_INFINITY;
    return entries.length <= limit ? entries : [...entries.slice(0, limit), `... ${entries.length - limit} more items`];
  }

  #fields(value: object, depth: number): string[] {
    const isIndexed = Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof String;
    const isError = isNativeError(value);
    const names = (this.options.showHidden ? Object.getOwnPropertyNames(value) : Object.keys(value)).filter(
      (name) => !(isIndexed && /^\d+$/.test(name)) && !(isError && (name === "stack" || name === "message")),
    );
    if (this.options.sorted) names.sort(typeof this.options.sorted === "function" ? this.options.sorted : undefined);
    const symbols = Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
    const fields = [...names, ...symbols].map((key) => {
      const name = Object.prototype.propertyIsEnumerable.call(value, key) ? keyText(key) : `[${String(key)}]`;
      return `${name}: ${this.#fieldText(value, key, depth)}`;
    });
    if (isError && Object.hasOwn(value, "cause") && !names.includes("cause"))
      fields.push(`[cause]: ${this.show((value as Error).cause, depth + 1)}`);
    return fields;
  }

  #fieldText(value: object, key: PropertyKey, depth: number): string {
    const { get, set, value: field } = Object.getOwnPropertyDescriptor(value, key) as PropertyDescriptor;
    if (get !== undefined) return set === undefined ? "[Getter]" : "[Getter/Setter]";
    return set === undefined ? this.show(field, depth + 1) : "[Setter]";
  }

  /** On one line when short and shallow, else an entry a line, indented by what encloses it. */
  #layout(entries: string[], prefix: string, open: string, close: string, depth: number): string {
    const head = prefix === "" ? open : `${prefix} ${open}`;
    if (entries.length === 0) return head + close;
    const length = entries.reduce((sum, entry) => sum + entry.length, 2 * entries.length + 2 * depth + head.length + LINE_SLACK);
    const isShort = length <= (this.options.breakLength ?? DEFAULTS.breakLength) && !entries.some((entry) => entry.includes("\n"));
    if (isShort && this.#deepest - depth < LEVELS_PER_LINE) return `${head} ${entries.join(", ")} ${close}`;
    return `${head}\n${entries.map((entry) => `  ${entry.replaceAll("\n", "\n  ")}`).join(",\n")}\n${close}`;
  }

  #clip(text: string): string {
    const limit = this.options.maxStringLength ?? Number.POSITIVE_INFINITY;
    return text.length <= limit ? text : `${text.slice(0, limit)}... ${text.length - limit} more characters`;
  }
}

export function inspect(value: unknown, options: InspectOptions | boolean = {}, depth?: number): string {
  const settings =
    typeof options === "object" && options !== null ? options : { showHidden: options, ...(depth === undefined ? {} : { depth }) };
  return new Inspector(settings).show(value, 0);
}

inspect.custom = custom;
inspect.defaultOptions = DEFAULTS;

export function formatWithOptions(options: InspectOptions, ...values: unknown[]): string {
  const [first, ...rest] = values;
  const show = (value: unknown): string => (typeof value === "string" ? value : inspect(value, options));
  if (typeof first !== "string") return values.map(show).join(" ");
  const text = first.replace(/%[sdifjoOc%]/g, (directive) => {
    if (directive === "%%") return rest.length > 0 || values.length > 1 ? "%" : "%%";
    if (rest.length === 0) return directive;
    return directiveText(directive, rest.shift(), options);
  });
  return [text, ...rest.map(show)].join(" ");
}

export function format(...values: unknown[]): string {
  return formatWithOptions({}, ...values);
}

function directiveText(directive: string, value: unknown, options: InspectOptions): string {
  if (directive === "%c") return "";
  if (directive === "%j") return jsonText(value);
  if (directive === "%o") return inspect(value, { ...options, showHidden: true, depth: 4 });
  if (directive === "%O") return inspect(value, options);
  if (directive === "%s") {
    if (typeof value === "bigint") return `${value}n`;
    const hasOwnText = typeof value === "object" && value !== null && value.toString !== Object.prototype.toString && !Array.isArray(value);
    if (typeof value !== "object" || value === null || hasOwnText) return Object.is(value, -0) ? "-0" : String(value);
    return inspect(value, { ...options, depth: 0 });
  }
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "symbol" || (typeof value === "object" && directive !== "%d")) return "NaN";
  return String(
    directive === "%d"
      ? typeof value === "object"
        ? Number.NaN
        : Number(value)
      : directive === "%i"
        ? Number.parseInt(String(value), 10)
        : Number.parseFloat(String(value)),
  );
}

function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "undefined";
  } catch (error) {
    if (error instanceof TypeError && /circular/i.test(error.message)) return "[Circular]";
    throw error;
  }
}

/** Single quotes unless the text has them and another kind doesn't. */
function quote(text: string): string {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") ? "`" : "'";
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\u001b", "\\x1B");
  return `${mark}${mark === "'" ? escaped.replaceAll("'", "\\'") : escaped}${mark}`;
}

function keyText(key: PropertyKey): string {
  return typeof key === "symbol" ? String(key) : IDENTIFIER.test(String(key)) ? String(key) : quote(String(key));
}

/** The class's name; "" for an object without prototype. */
function brandOf(value: object): string {
  for (let prototype = Object.getPrototypeOf(value); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const Class: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
    if (typeof Class === "function" && Class.name !== "") return Class.name;
  }
  return "";
}

function functionText(value: object): string {
  const { name } = value as { name: string };
  if (/^class\b/.test(Function.prototype.toString.call(value))) {
    const parent = Object.getPrototypeOf(value)?.name;
    return `[class ${name || "(anonymous)"}${parent ? ` extends ${parent}` : ""}]`;
  }
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return `[${kind}${name === "" ? " (anonymous)" : `: ${name}`}]`;
}

function errorText(error: Error): string {
  const { stack } = error;
  return typeof stack === "string" && stack !== "" ? stack : `[${String(error)}]`;
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString();
}
