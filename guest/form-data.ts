/**
 * FormData of the XHR standard, and its two formats on the wire: multipart per
 * RFC 7578 as the HTML standard writes it, and URL-encoded. Parsing is for
 * bodies strangers send: bounded in parts, exact about its delimiters.
 */
import { Blob, blobBytes, File } from "./blob.ts";
import { join } from "./bytes.ts";
import { utf8Decode, utf8Encode } from "./encoding.ts";
import { parsePairs } from "./url-search-params.ts";

type Value = string | File;

/** More parts than any form has: a body of empty parts must not become a million objects. */
const PARTS_MAX = 10_000;
const PART_HEAD_MAX_BYTES = 16 * 1024;
const CR = 13;
const LF = 10;
const DASH = 45;

export class FormData {
  #entries: [string, Value][] = [];

  constructor(form?: unknown) {
    if (form !== undefined) throw new TypeError("FormData: there are no form elements here; append the fields");
  }

  append(name: string, value: unknown, filename?: string): void {
    this.#entries.push([usv(name), entryValue(value, filename)]);
  }

  set(name: string, value: unknown, filename?: string): void {
    const key = usv(name);
    const entry: [string, Value] = [key, entryValue(value, filename)];
    const at = this.#entries.findIndex(([known]) => known === key);
    if (at === -1) this.#entries.push(entry);
    else this.#entries = this.#entries.flatMap((known, index) => (index === at ? [entry] : known[0] === key ? [] : [known]));
  }

  delete(name: string): void {
    const key = usv(name);
    this.#entries = this.#entries.filter(([known]) => known !== key);
  }

  get(name: string): Value | null {
    const key = usv(name);
    return this.#entries.find(([known]) => known === key)?.[1] ?? null;
  }

  getAll(name: string): Value[] {
    const key = usv(name);
    return this.#entries.filter(([known]) => known === key).map(([, value]) => value);
  }

  has(name: string): boolean {
    const key = usv(name);
    return this.#entries.some(([known]) => known === key);
  }

  forEach(callback: (value: Value, name: string, form: FormData) => void, thisArgument?: unknown): void {
    for (const [name, value] of this) callback.call(thisArgument, value, name, this);
  }

  *entries(): IterableIterator<[string, Value]> {
    for (let at = 0; at < this.#entries.length; at++) {
      const [name, value] = this.#entries[at] as [string, Value];
      yield [name, value];
    }
  }

  *keys(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): IterableIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[string, Value]> {
    return this.entries();
  }

  get [Symbol.toStringTag](): string {
    return "FormData";
  }
}

export function parseUrlEncoded(text: string): FormData {
  const form = new FormData();
  for (const [name, value] of parsePairs(text)) form.append(name, value);
  return form;
}

export function encodeMultipart(form: FormData): { body: Uint8Array; contentType: string } {
  const boundary = `----formdata-${randomDigits()}${randomDigits()}`;
  const chunks: Uint8Array[] = [];
  for (const [name, value] of form) {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(name.replace(/\r\n?|\n/g, "\r\n"))}"`;
    if (typeof value === "string") {
      chunks.push(utf8Encode(`${disposition}\r\n\r\n${value.replace(/\r\n?|\n/g, "\r\n")}\r\n`));
      continue;
    }
    const type = value.type === "" ? "application/octet-stream" : value.type;
    chunks.push(utf8Encode(`${disposition}; filename="${escapeName(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`));
    chunks.push(blobBytes(value), utf8Encode("\r\n"));
  }
  chunks.push(utf8Encode(`--${boundary}--\r\n`));
  return { body: join(chunks), contentType: `multipart/form-data; boundary=${boundary}` };
}

export function parseMultipart(bytes: Uint8Array, boundary: string): FormData {
  const form = new FormData();
  const delimiter = utf8Encode(`--${boundary}`);
  if (boundary === "" || boundary.length > 70) throw new TypeError("formData: the boundary must have 1 to 70 characters");
  // A preamble is allowed and ignored; a delimiter begins a line.
  let at = find(bytes, delimiter, 0);
  while (at > 0 && bytes[at - 1] !== LF) at = find(bytes, delimiter, at + 1);
  if (at === -1) throw new TypeError("formData: the body has no part with this boundary");
  const nextDelimiter = utf8Encode(`\r\n--${boundary}`);
  at += delimiter.length;
  for (let partCount = 0; ; partCount++) {
    if (bytes[at] === DASH && bytes[at + 1] === DASH) return form;
    if (partCount === PARTS_MAX) throw new TypeError(`formData: the body has more than ${PARTS_MAX} parts`);
    // Transport padding after a boundary is white space only.
    while (bytes[at] === 32 || bytes[at] === 9) at++;
    if (bytes[at] !== CR || bytes[at + 1] !== LF) throw new TypeError("formData: a boundary is not followed by a line end");
    // The next delimiter may share this line end when a part is empty of headers: look from before it.
    const headStart = at + 2;
    const headEnd = endOfHead(bytes, headStart);
    const end = find(bytes, nextDelimiter, headEnd + 2);
    if (end === -1) throw new TypeError("formData: the body ends before its closing boundary");
    const head = utf8Decode(bytes.subarray(headStart, headEnd));
    appendPart(form, head, bytes.subarray(headEnd + 4, Math.max(end, headEnd + 4)));
    at = end + nextDelimiter.length;
  }
}

function endOfHead(bytes: Uint8Array, from: number): number {
  const limit = Math.min(bytes.length - 3, from + PART_HEAD_MAX_BYTES);
  for (let at = from; at < limit; at++) {
    if (bytes[at] === CR && bytes[at + 1] === LF && bytes[at + 2] === CR && bytes[at + 3] === LF) return at;
  }
  throw new TypeError("formData: the head of a part does not end");
}

function appendPart(form: FormData, head: string, content: Uint8Array): void {
  const headers = new Map(
    head.split("\r\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const disposition = headers.get("content-disposition") ?? "";
  const parameters = parametersOf(disposition);
  const name = parameters.get("name");
  if (!/^form-data\s*;/i.test(disposition) || name === undefined) throw new TypeError("formData: a part has no name");
  const filename = parameters.get("filename");
  if (filename === undefined) form.append(name, withoutBom(utf8Decode(content)));
  else form.append(name, new File([content], filename, { type: headers.get("content-type") ?? "text/plain" }));
}

const PARAMETER = /;\s*([^\s=;"]+)\s*=\s*(?:"([^"]*)"|([^;\s]*))/g;

/** Read from left to right: a quoted value may hold what looks like another parameter. */
function parametersOf(disposition: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [, name, quoted, bare] of disposition.matchAll(PARAMETER)) {
    const value = quoted ?? bare ?? "";
    const key = (name as string).toLowerCase();
    if (!parameters.has(key)) parameters.set(key, value.replace(/%0a/gi, "\n").replace(/%0d/gi, "\r").replace(/%22/g, '"'));
  }
  return parameters;
}

/** First place of `needle` at or after `from`; the rare first byte search is V8's own. */
function find(bytes: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0] as number;
  for (let at = bytes.indexOf(first, from); at !== -1 && at + needle.length <= bytes.length; at = bytes.indexOf(first, at + 1)) {
    let same = 1;
    while (same < needle.length && bytes[at + same] === needle[same]) same++;
    if (same === needle.length) return at;
  }
  return -1;
}

function entryValue(value: unknown, filename: string | undefined): Value {
  if (!(value instanceof Blob)) {
    if (filename !== undefined) throw new TypeError("FormData: only a Blob can have a file name");
    return usv(value);
  }
  if (value instanceof File && filename === undefined) return value;
  const name = filename ?? (value instanceof File ? value.name : "blob");
  return new File([value], name, { type: value.type, ...(value instanceof File ? { lastModified: value.lastModified } : {}) });
}

function escapeName(name: string): string {
  return name.replaceAll("\n", "%0A").replaceAll("\r", "%0D").replaceAll('"', "%22");
}

function withoutBom(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Eleven digits or so: a boundary must be unlikely in the content, not secret. */
function randomDigits(): string {
  return Math.random().toString().slice(2, 13).padStart(11, "0");
}

function usv(value: unknown): string {
  return `${value as string}`.toWellFormed();
}
