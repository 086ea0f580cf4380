/**
 * Values of a TOML document that strangers wrote: each is read as what it
 * should be or as nothing. The parser is loaded when the first document comes:
 * most mirrors never see one.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { parseHash } from "./lock-file.ts";

export type Table = Readonly<Record<string, unknown>>;

/** Deeper than any lock file is. */
const DEPTH_MAX = 32;

export async function parseToml(text: string): Promise<Result<Table, string>> {
  const { parse } = await import("smol-toml");
  try {
    return ok(parse(text, { maxDepth: DEPTH_MAX }));
  } catch (error) {
    // The rest of the message quotes the document.
    const [firstLine] = (error as Error).message.split("\n", 1);
    const { line } = error as { readonly line?: number };
    return fail(`it is no TOML: ${firstLine}${line === undefined ? "" : ` (line ${line})`}`);
  }
}

export function asTable(value: unknown): Table | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date) ? (value as Table) : null;
}

/** What of an array are tables; [] for no array. */
export function asTables(value: unknown): readonly Table[] {
  return Array.isArray(value) ? value.map(asTable).filter((table) => table !== null) : [];
}

export function asText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

export function asSize(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** A table of algorithms, as pylock.toml has it. What is no hash is left out. */
export function asHashes(value: unknown): Readonly<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const [algorithm, digest] of Object.entries(asTable(value) ?? {}))
    Object.assign(hashes, parseHash(`${algorithm}:${String(digest)}`));
  return hashes;
}

/** Of an address or a path; the address may hold a password, which stays behind. */
export function lastSegment(place: string): string | null {
  const path = place.split(/[?#]/, 1)[0]!;
  const segment = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  try {
    return decodeURIComponent(segment) || null;
  } catch {
    return segment || null;
  }
}
