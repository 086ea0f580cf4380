/**
 * Manifest of a bundle: its first member, which names every other with its
 * hash and size. It comes from another machine: each field is checked, and
 * members have names that are made of their hashes, so that no name in a
 * bundle can lead anywhere.
 */
import { hasMoreJsonParts } from "../../base/json-parts.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import { projectName } from "../lockfile/lock-file.ts";
import { isFileName } from "../simple/distribution-name.ts";
import type { BundledKind } from "./bundle-source.ts";
import { MEMBER_MAX_BYTES } from "./tar-format.ts";

export const MANIFEST_NAME = "manifest.json";
export const MANIFEST_MAX_BYTES = 64 * MIB;
export const ENTRIES_MAX = 200_000;
/** All pages together: an import holds them until every byte of the bundle has been checked. Trimmed, one has a few kilobytes. */
export const PAGES_MAX_BYTES = 256 * MIB;
export const FORMAT_VERSION = 1;

const FORMAT = "pilotlight-bundle";
/** As a configuration may call one. */
const INDEX_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export interface BundleManifest {
  /** ISO 8601. */
  readonly created: string;
  readonly pages: readonly PageEntry[];
  readonly contents: readonly ContentEntry[];
}

export interface PageEntry {
  readonly project: string;
  /** Of the mirror that exported it. */
  readonly index: string;
  readonly fetchedAtMs: number;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Two entries may share their bytes. */
export interface ContentEntry {
  readonly kind: BundledKind;
  readonly project: string;
  /** Of the distribution, without ".metadata". */
  readonly filename: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

export function pageMember(sha256: string): string {
  return `pages/${sha256}.json`;
}

export function contentMember(sha256: string): string {
  return `content/${sha256}`;
}

/** Name to size of what follows the manifest: pages, then contents, each once. */
export function membersOf({ pages, contents }: BundleManifest): Map<string, number> {
  return new Map([
    ...pages.map(({ sha256, sizeBytes }) => [pageMember(sha256), sizeBytes] as const),
    ...contents.map(({ sha256, sizeBytes }) => [contentMember(sha256), sizeBytes] as const),
  ]);
}

export function manifestText({ created, pages, contents }: BundleManifest): string {
  return `${JSON.stringify({ format: FORMAT, version: FORMAT_VERSION, created, pages, contents }, null, 1)}\n`;
}

/** Each entry is one object, and so is the manifest. */
const OBJECTS_MAX = ENTRIES_MAX + 1;
/** Values that follow another: an entry has five. */
const COMMAS_MAX = 8 * OBJECTS_MAX;
const CREATED_MAX_LENGTH = 64;
/** What a Date can hold. */
const MOMENT_MAX_MS = 8.64e15;

/** The fault is a phrase that follows the bundle's name. */
export function parseManifest(text: string): Result<BundleManifest, string> {
  // Counted before they are made: a manifest of empty objects, arrays or zeros becomes gigabytes of them.
  if (hasMoreJsonParts(text, { objects: OBJECTS_MAX, commas: COMMAS_MAX })) return fail(`it has more than ${ENTRIES_MAX} entries`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("its manifest is no JSON");
  }
  const { format, version, created, pages, contents } = (value ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) return fail("it is no bundle of this program");
  if (version !== FORMAT_VERSION)
    return fail(`its format has version ${String(JSON.stringify(version)).slice(0, 20)}, and only ${FORMAT_VERSION} can be read`);
  if (!isLine(created, CREATED_MAX_LENGTH) || !Array.isArray(pages) || !Array.isArray(contents)) return fail("its manifest is incomplete");
  if (pages.length + contents.length > ENTRIES_MAX) return fail(`it has more than ${ENTRIES_MAX} entries`);
  if (!pages.every(isPageEntry) || !contents.every(isContentEntry)) return fail("an entry of its manifest is no page and no file");
  if (new Set(pages.map(({ project }) => project)).size !== pages.length) return fail("its manifest has two pages of one project");
  if (hasContradiction(pages) || hasContradiction(contents)) return fail("its manifest gives two sizes for one hash");
  if (pages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) > PAGES_MAX_BYTES)
    return fail(`its pages have more than ${PAGES_MAX_BYTES} bytes`);
  return ok({ created, pages, contents });
}

function isPageEntry(value: unknown): value is PageEntry {
  const { index, fetchedAtMs } = (value ?? {}) as Record<string, unknown>;
  const isMoment = typeof fetchedAtMs === "number" && Number.isSafeInteger(fetchedAtMs) && fetchedAtMs >= 0 && fetchedAtMs <= MOMENT_MAX_MS;
  return isEntry(value) && isMoment && typeof index === "string" && INDEX_NAME.test(index);
}

function isContentEntry(value: unknown): value is ContentEntry {
  const { kind, filename } = (value ?? {}) as Record<string, unknown>;
  return isEntry(value) && (kind === "file" || kind === "metadata") && typeof filename === "string" && isFileName(filename);
}

function isEntry(value: unknown): boolean {
  const { project, sha256, sizeBytes } = (value ?? {}) as Record<string, unknown>;
  const isSize = typeof sizeBytes === "number" && Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes <= MEMBER_MAX_BYTES;
  return (
    isSize && typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256) && typeof project === "string" && projectName(project) === project
  );
}

/** Whoever reads a member by one entry must not be told a size by it that only another has. */
function hasContradiction(entries: readonly { readonly sha256: string; readonly sizeBytes: number }[]): boolean {
  const sizes = new Map(entries.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  return entries.some(({ sha256, sizeBytes }) => sizes.get(sha256) !== sizeBytes);
}

function isLine(value: unknown, maxLength: number): value is string {
  return typeof value === "string" && value.length <= maxLength && !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(value);
}
