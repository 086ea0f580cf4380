/**
 * node:querystring: the older, looser relative of URLSearchParams. Repeated
 * names become arrays; what can't be decoded stays as it is.
 */

type Value = string | string[];
type Codec = (text: string) => string;
interface Options {
  maxKeys?: number;
  decodeURIComponent?: Codec;
  encodeURIComponent?: Codec;
}

const MAX_KEYS = 1_000;

function escapeText(text: unknown): string {
  return encodeURIComponent(String(text));
}

function unescapeText(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Only the well-formed sequences; the rest stands for itself.
    return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => new TextDecoder().decode(Uint8Array.fromHex(run.replaceAll("%", ""))));
  }
}

export function parse(text: string, separator = "&", equals = "=", options: Options = {}): Record<string, Value> {
  const result: Record<string, Value> = Object.create(null);
  if (typeof text !== "string" || text === "") return result;
  const decode = options.decodeURIComponent ?? unescapeText;
  const limit = options.maxKeys ?? MAX_KEYS;
  const parts = text.split(separator);
  for (const part of limit > 0 ? parts.slice(0, limit) : parts) {
    if (part === "") continue;
    const at = part.indexOf(equals);
    const [name, value] = (at === -1 ? [part, ""] : [part.slice(0, at), part.slice(at + equals.length)]).map((piece) =>
      decode(piece.replaceAll("+", " ")),
    ) as [string, string];
    const known = result[name];
    if (known === undefined) result[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else result[name] = [known, value];
  }
  return result;
}

export function stringify(fields: unknown, separator = "&", equals = "=", options: Options = {}): string {
  if (typeof fields !== "object" || fields === null) return "";
  const encode = options.encodeURIComponent ?? escapeQuery;
  return Object.entries(fields)
    .flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((item) => `${encode(name)}${equals}${encode(primitiveText(item))}`),
    )
    .join(separator);
}

function primitiveText(value: unknown): string {
  if (typeof value === "string" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  return typeof value === "number" && Number.isFinite(value) ? String(value) : "";
}

function escapeQuery(text: string): string {
  return escapeText(text.toWellFormed());
}

declare const TextDecoder: typeof import("../encoding.ts").TextDecoder;

export { escapeText as escape, parse as decode, stringify as encode, unescapeText as unescape };
export default { decode: parse, encode: stringify, escape: escapeText, parse, stringify, unescape: unescapeText };
