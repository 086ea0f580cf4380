/**
 * Headers of the Fetch standard, section 2.2, over parallel arrays of names
 * and values: most requests have about ten fields, where a scan beats a map.
 * An incoming request hands over its raw header block; it is split only when
 * somebody asks. Names are kept lower-case, values as byte strings.
 */

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Fetch allows any byte but NUL, CR and LF; a value above U+00FF is no byte string.
const VALUE = /^[^\0\r\n\u0100-\uffff]*$/;
const OUTER_SPACE = /^[\t\n\r ]+|[\t\n\r ]+$/g;

export type HeadersInit = Headers | Iterable<readonly [string, string]> | Record<string, string>;

/** Lets body.ts and response.ts skip the public, checked ways in. Not reachable from a guest. */
export const RAW = Symbol("raw header block");

export class Headers {
  #names: string[] = [];
  #values: string[] = [];
  #block: string | null = null;

  constructor(init?: HeadersInit | { [RAW]: string } | null) {
    if (init === undefined || init === null) return;
    if (typeof init !== "object" && typeof init !== "function") throw new TypeError("Headers: the argument is not an object");
    if (init instanceof Headers) {
      init.#parse();
      this.#names = init.#names.slice();
      this.#values = init.#values.slice();
      return;
    }
    if (RAW in init) {
      this.#block = (init as { [RAW]: string })[RAW];
      return;
    }
    const iterator = (init as Iterable<readonly [string, string]>)[Symbol.iterator];
    if (iterator !== undefined && iterator !== null) {
      for (const pair of init as Iterable<readonly [string, string]>) {
        const [name, value, ...rest] = pair;
        if (value === undefined || rest.length > 0) throw new TypeError("Headers: each entry must be a [name, value] pair");
        this.append(name, value);
      }
      return;
    }
    for (const name of Reflect.ownKeys(init)) {
      if (typeof name === "symbol") throw new TypeError("Headers: a header name must be a string");
      const descriptor = Object.getOwnPropertyDescriptor(init, name);
      if (descriptor?.enumerable) this.append(name, (init as Record<string, string>)[name] as string);
    }
  }

  append(name: string, value: string): void {
    const key = checkedName(name, "append");
    const text = checkedValue(key, value);
    this.#parse();
    this.#names.push(key);
    this.#values.push(text);
  }

  set(name: string, value: string): void {
    const key = checkedName(name, "set");
    const text = checkedValue(key, value);
    this.#parse();
    const first = this.#names.indexOf(key);
    if (first === -1) {
      this.#names.push(key);
      this.#values.push(text);
      return;
    }
    this.#values[first] = text;
    this.#removeFrom(first + 1, key);
  }

  get(name: string): string | null {
    const key = checkedName(name, "get");
    this.#parse();
    const first = this.#names.indexOf(key);
    if (first === -1) return null;
    let combined = this.#values[first] as string;
    for (let at = this.#names.indexOf(key, first + 1); at !== -1; at = this.#names.indexOf(key, at + 1)) {
      combined += `, ${this.#values[at]}`;
    }
    return combined;
  }

  has(name: string): boolean {
    const key = checkedName(name, "has");
    this.#parse();
    return this.#names.includes(key);
  }

  delete(name: string): void {
    const key = checkedName(name, "delete");
    this.#parse();
    this.#removeFrom(0, key);
  }

  getSetCookie(): string[] {
    this.#parse();
    return this.#values.filter((_, at) => this.#names[at] === "set-cookie");
  }

  forEach(callback: (value: string, name: string, headers: Headers) => void, thisArgument?: unknown): void {
    if (typeof callback !== "function") throw new TypeError("Headers.forEach: the callback is not a function");
    for (const [name, value] of this) callback.call(thisArgument, value, name, this);
  }

  *entries(): IterableIterator<[string, string]> {
    yield* this.#sorted();
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.#sorted()) yield name;
  }

  *values(): IterableIterator<string> {
    for (const [, value] of this.#sorted()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return "Headers";
  }

  /** "name: value\r\n" lines in insertion order: what the host writes. */
  [RAW](): string {
    this.#parse();
    let lines = "";
    for (let at = 0; at < this.#names.length; at++) lines += `${this.#names[at]}: ${this.#values[at]}\r\n`;
    return lines;
  }

  /** Sorted and combined as the standard's "sort and combine"; set-cookie stays apart. */
  #sorted(): [string, string][] {
    this.#parse();
    const pairs: [string, string][] = [];
    for (const name of [...new Set(this.#names)].sort()) {
      if (name === "set-cookie") for (const cookie of this.getSetCookie()) pairs.push([name, cookie]);
      else pairs.push([name, this.get(name) as string]);
    }
    return pairs;
  }

  #removeFrom(start: number, key: string): void {
    for (let at = this.#names.indexOf(key, start); at !== -1; at = this.#names.indexOf(key, at)) {
      this.#names.splice(at, 1);
      this.#values.splice(at, 1);
    }
  }

  /** The block was validated by the listener: lines end in CRLF, no folding, no bare CR or LF. */
  #parse(): void {
    const block = this.#block;
    if (block === null) return;
    this.#block = null;
    for (let start = 0; start < block.length; ) {
      const end = block.indexOf("\r\n", start);
      const stop = end === -1 ? block.length : end;
      const colon = block.indexOf(":", start);
      if (colon !== -1 && colon < stop) {
        this.#names.push(block.slice(start, colon).toLowerCase());
        this.#values.push(block.slice(colon + 1, stop).trim());
      }
      start = stop + 2;
    }
  }
}

function checkedName(name: string, method: string): string {
  const text = String(name);
  if (!TOKEN.test(text)) throw new TypeError(`Headers.${method}: ${JSON.stringify(text)} is not a valid header name`);
  return text.toLowerCase();
}

function checkedValue(name: string, value: string): string {
  const text = String(value).replace(OUTER_SPACE, "");
  if (!VALUE.test(text)) throw new TypeError(`Headers: the value of ${name} holds a character that no header may have`);
  return text;
}
