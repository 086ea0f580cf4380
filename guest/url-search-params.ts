/**
 * URLSearchParams of the URL standard, section 6, and its
 * application/x-www-form-urlencoded format. One that belongs to a URL tells it
 * of every change.
 */
import { utf8Decode, utf8Encode } from "./encoding.ts";

type Pair = [string, string];

let link: (params: URLSearchParams, query: string, onChange: ((query: string) => void) | null) => void;

export class URLSearchParams {
  #pairs: Pair[] = [];
  #onChange: ((query: string) => void) | null = null;

  static {
    link = (params, query, onChange) => {
      params.#pairs = parsePairs(query);
      params.#onChange = onChange;
    };
  }

  constructor(init: unknown = "") {
    if ((typeof init === "object" && init !== null) || typeof init === "function") this.#pairs = pairsOf(init);
    else {
      const text = String(init);
      this.#pairs = parsePairs(text.startsWith("?") ? text.slice(1) : text);
    }
  }

  get size(): number {
    return this.#pairs.length;
  }

  append(name: string, value: string): void {
    this.#pairs.push([usv(name), usv(value)]);
    this.#changed();
  }

  delete(name: string, value?: string): void {
    const key = usv(name);
    const wanted = value === undefined ? undefined : usv(value);
    this.#pairs = this.#pairs.filter((pair) => pair[0] !== key || (wanted !== undefined && pair[1] !== wanted));
    this.#changed();
  }

  get(name: string): string | null {
    const key = usv(name);
    return this.#pairs.find((pair) => pair[0] === key)?.[1] ?? null;
  }

  getAll(name: string): string[] {
    const key = usv(name);
    return this.#pairs.filter((pair) => pair[0] === key).map((pair) => pair[1]);
  }

  has(name: string, value?: string): boolean {
    const key = usv(name);
    const wanted = value === undefined ? undefined : usv(value);
    return this.#pairs.some((pair) => pair[0] === key && (wanted === undefined || pair[1] === wanted));
  }

  set(name: string, value: string): void {
    const key = usv(name);
    const text = usv(value);
    const first = this.#pairs.find((pair) => pair[0] === key);
    if (first === undefined) this.#pairs.push([key, text]);
    else {
      first[1] = text;
      this.#pairs = this.#pairs.filter((pair) => pair === first || pair[0] !== key);
    }
    this.#changed();
  }

  sort(): void {
    // Stable, by UTF-16 code units, as the standard asks.
    this.#pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    this.#changed();
  }

  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, thisArgument?: unknown): void {
    if (typeof callback !== "function") throw new TypeError("URLSearchParams.forEach: the callback is not a function");
    for (const [name, value] of this) callback.call(thisArgument, value, name, this);
  }

  *entries(): IterableIterator<Pair> {
    for (let at = 0; at < this.#pairs.length; at++) {
      const [name, value] = this.#pairs[at] as Pair;
      yield [name, value];
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<Pair> {
    return this.entries();
  }

  toString(): string {
    return this.#pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  }

  get [Symbol.toStringTag](): string {
    return "URLSearchParams";
  }

  #changed(): void {
    this.#onChange?.(this.toString());
  }
}

/** Makes `params` the view of a URL's query; called again when the query was set from the other side. */
export function linkParams(params: URLSearchParams, query: string, onChange: (query: string) => void): void {
  link(params, query, onChange);
}

/** The name-value pairs of application/x-www-form-urlencoded text. */
export function parsePairs(text: string): Pair[] {
  const pairs: Pair[] = [];
  if (text === "") return pairs;
  for (const part of text.toWellFormed().split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    pairs.push(equals === -1 ? [decode(part), ""] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))]);
  }
  return pairs;
}

function pairsOf(init: object): Pair[] {
  const iterator = (init as Iterable<unknown>)[Symbol.iterator];
  if (iterator === undefined || iterator === null) {
    const record = new Map<string, string>();
    for (const key of Reflect.ownKeys(init)) {
      if (Object.getOwnPropertyDescriptor(init, key)?.enumerable !== true) continue;
      record.set(usv(key as string), usv((init as Record<string, unknown>)[key as string]));
    }
    return [...record];
  }
  if (typeof iterator !== "function") throw new TypeError("URLSearchParams: the argument is not iterable");
  const pairs: Pair[] = [];
  for (const item of init as Iterable<unknown>) {
    const pair = typeof item === "object" && item !== null ? [...(item as Iterable<unknown>)] : [];
    if (pair.length !== 2) throw new TypeError("URLSearchParams: each entry must be a [name, value] pair");
    pairs.push([usv(pair[0]), usv(pair[1])]);
  }
  return pairs;
}

function usv(value: unknown): string {
  return `${value as string}`.toWellFormed();
}

function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

function decode(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return decodeLeniently(spaced);
  }
}

/** Percent-decoding of text that is no well-formed UTF-8 or has a bare "%": what can be decoded is, the rest stays. */
function decodeLeniently(text: string): string {
  const source = utf8Encode(text);
  const bytes: number[] = [];
  for (let at = 0; at < source.length; at++) {
    const byte = source[at] as number;
    const hex = byte === 0x25 ? String.fromCharCode(source[at + 1] ?? 0, source[at + 2] ?? 0) : "";
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      at += 2;
    } else bytes.push(byte);
  }
  return utf8Decode(new Uint8Array(bytes));
}
