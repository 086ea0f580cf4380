/**
 * Static files from disk: finds a file's forms (itself, .br, .gz), reads what
 * is small enough to keep and prepares the header lines of every form.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { ContentCoding } from "./content-coding.ts";
import { mimeType } from "./mime-types.ts";
import type { Representation, StaticFile } from "./static-cache.ts";
import { resolveInside } from "./static-path.ts";

/** What an entry costs beside its content. */
const ENTRY_COST_BYTES = 1024;
const CACHE_CONTROL = "public, max-age=0, must-revalidate";
const INDEX = "index.html";
const SUFFIXES: readonly (readonly [ContentCoding, string])[] = [
  ["identity", ""],
  ["br", ".br"],
  ["gzip", ".gz"],
];

interface Found {
  readonly coding: ContentCoding;
  readonly file: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Null when there is no such file; a folder is its index.html. Returns `known` itself when nothing has changed. */
export async function loadStaticFile(
  root: string,
  segments: readonly string[],
  fileMaxBytes: number,
  known: StaticFile | undefined,
  nowMs: number,
): Promise<StaticFile | null> {
  let name = segments.at(-1) as string;
  let found = await findForms(root, segments);
  if (found.length === 0) {
    name = INDEX;
    found = await findForms(root, [...segments, INDEX]);
  }
  const plain = found[0];
  if (plain === undefined) return null;
  const fingerprint = found.map((form) => `${form.coding}:${form.file}:${form.size}:${form.mtimeMs}`).join(" ");
  if (known !== undefined && known.fingerprint === fingerprint) {
    known.checkedAtMs = nowMs;
    return known;
  }
  const codings = new Set(found.map((form) => form.coding));
  const forms: Partial<Record<ContentCoding, Representation>> = {};
  let heldBytes = ENTRY_COST_BYTES;
  for (const form of found) {
    const representation = await prepare(form, name, plain.mtimeMs, codings.size > 1, fileMaxBytes);
    forms[form.coding] = representation;
    heldBytes += representation.bytes?.length ?? 0;
  }
  return { fingerprint, lastModifiedMs: toSeconds(plain.mtimeMs), codings, forms, heldBytes, checkedAtMs: nowMs };
}

/** The plain file first; without it there is nothing. */
async function findForms(root: string, segments: readonly string[]): Promise<Found[]> {
  const candidates = await Promise.all(
    SUFFIXES.map(([coding, suffix]) => findForm(root, [...segments.slice(0, -1), `${segments.at(-1)}${suffix}`], coding)),
  );
  const plain = candidates[0];
  if (plain === null || plain === undefined) return [];
  // A compressed sibling older than its original is left over from an earlier build.
  return candidates.filter((form): form is Found => form !== null && form.mtimeMs >= plain.mtimeMs);
}

async function findForm(root: string, segments: readonly string[], coding: ContentCoding): Promise<Found | null> {
  const file = await resolveInside(root, segments);
  if (file === null) return null;
  try {
    const found = await stat(file);
    return found.isFile() ? { coding, file, size: found.size, mtimeMs: found.mtimeMs } : null;
  } catch {
    return null;
  }
}

async function prepare(form: Found, name: string, mtimeMs: number, varies: boolean, fileMaxBytes: number): Promise<Representation> {
  let bytes: Uint8Array | null = form.size <= fileMaxBytes ? await readFile(form.file) : null;
  // It grew since we looked: the next look will see it.
  if (bytes !== null && bytes.length !== form.size) bytes = null;
  const etag = bytes === null ? weakMaterialTag(form) : `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 27)}"`;
  const validatorLines =
    `etag: ${etag}\r\nlast-modified: ${new Date(mtimeMs).toUTCString()}\r\ncache-control: ${CACHE_CONTROL}\r\n` +
    (varies ? "vary: accept-encoding\r\n" : "");
  const coding = form.coding === "identity" ? "" : `content-encoding: ${form.coding}\r\n`;
  return {
    file: form.file,
    size: form.size,
    etag,
    bytes,
    validatorLines,
    headerLines: `content-type: ${mimeType(name)}\r\nx-content-type-options: nosniff\r\naccept-ranges: bytes\r\n${coding}${validatorLines}`,
  };
}

/** For files too large to hash at every change: size and time to the fraction of a millisecond, and the coding. */
function weakMaterialTag(form: Found): string {
  return `"${form.size.toString(36)}-${Math.round(form.mtimeMs * 1000).toString(36)}-${form.coding}"`;
}

/** HTTP dates have whole seconds. */
function toSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
