/**
 * Manifest of a bundle: its first member, which names every other with its
 * hash and size. It comes from another machine: each field is checked, and
 * members have names that are made of their hashes, so that no name in a
 * bundle can lead anywhere.
 */
import { countOccurrences } from "../../base/occurrences.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import { projectName } from "../lockfile/lock-file.ts";
import { isFileName } from "../simple/distribution-name.ts";
import type { BundledKind } from "./bundle-source.ts";
import { MEMBER_MAX_BYTES } from "./tar-format.ts";

export const MANIFEST_NAME = "manifest.json";
export const MANIFEST_MAX_BYTES = 64 * MIB;
export const ENTRIES_MAX = 200_000;
export const FORMAT_VERSION = 1;

const FORMAT = "pilotlight-bundle";

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

/** The fault is a phrase that follows the bundle's name. */
export function parseManifest(text: string): Result<BundleManifest, string> {
  // Counted before they are made: a manifest of empty objects becomes gigabytes of them.
  if (countOccurrences(text, "{", OBJECTS_MAX) > OBJECTS_MAX) return fail(`it has more than ${ENTRIES_MAX} entries`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("its manifest is no JSON");
  }
  const { format, version, created, pages, contents } = (value ?? {}) as Record<string, unknown>;
  if (format !== FORMAT) return fail("it is no bundle of this program");
  if (version !== FORMAT_VERSION) return fail(`its format has version ${JSON.stringify(version)}, and only ${FORMAT_VERSION} can be read`);
  if (typeof created !== "string" || !Array.isArray(pages) || !Array.isArray(contents)) return fail("its manifest is incomplete");
  if (pages.length + contents.length > ENTRIES_MAX) return fail(`it has more than ${ENTRIES_MAX} entries`);
  if (!pages.every(isPageEntry) || !contents.every(isContentEntry)) return fail("an entry of its manifest is no page and no file");
  if (new Set(pages.map(({ project }) => project)).size !== pages.length) return fail("its manifest has two pages of one project");
  return ok({ created, pages, contents });
}

function isPageEntry(value: unknown): value is PageEntry {
  const { index, fetchedAtMs } = (value ?? {}) as Record<string, unknown>;
  return isEntry(value) && isLine(index) && typeof fetchedAtMs === "number" && Number.isSafeInteger(fetchedAtMs) && fetchedAtMs >= 0;
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

function isLine(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= 255 && !/\p{Cc}/u.test(value);
}
