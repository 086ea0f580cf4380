/**
 * Fields: what of an upstream's words is believed, one rule a field, the same
 * for JSON and HTML, so that one set of data makes one page. Pure.
 * What cannot be right is left out, with one exception: a digest that clients
 * would check. Without it the file would go unchecked, so the file goes.
 */
import { algorithmName, digestAlgorithm, isDigestName } from "./digests.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";
import { parseUploadTime } from "./upload-time.ts";

const REASON_MAX_LENGTH = 4096;
const SPECIFIER_MAX_LENGTH = 1024;
const VERSION_MAX_LENGTH = 256;
const ALGORITHMS_MAX = 16;

const ALGORITHM = /^[a-z][a-z0-9_]{1,31}$/;
const HEX = /^(?:[0-9a-f]{2}){4,128}$/;

const STATE = /^[a-z][a-z0-9_-]{0,63}$/;

/** Control characters other than line feed and tab: an HTML page cannot carry them, a terminal obeys them. */
const CONTROL = /[^\P{Cc}\n\t]/gu;
const PLAIN = /^[\x20-\x7e]*$/;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Null for what is no text, or none that is left. */
export function readText(value: unknown, maxLength: number): string | null {
  if (typeof value !== "string" || value === "") return null;
  const text = value.slice(0, maxLength);
  if (PLAIN.test(text)) return text;
  return text.toWellFormed().replace(/\r\n?/g, "\n").replace(CONTROL, "") || null;
}

/** By algorithm. Null when a digest that clients check can't be one: "unknown" would be the wrong reading of it. */
export function readHashes(claims: Iterable<readonly [algorithm: string, digest: unknown]>): Record<string, string> | null {
  const hashes: Record<string, string> = {};
  let count = 0;
  for (const [name, claim] of claims) {
    const algorithm = algorithmName(name);
    if (claim === null || claim === "" || Object.hasOwn(hashes, algorithm)) continue;
    const digest = typeof claim === "string" ? claim.trim().toLowerCase() : "";
    const known = digestAlgorithm(algorithm);
    const isDigest = HEX.test(digest) && (known === undefined || digest.length === known.length);
    if (!isDigest && known?.isForLinks === true) return null;
    if (!isDigest || !ALGORITHM.test(algorithm) || count === ALGORITHMS_MAX) continue;
    hashes[algorithm] = digest;
    count++;
  }
  return hashes;
}

/** The digests in a link's fragment: "sha256=…", or one of several "name=value" joined by "&". */
export function readFragment(fragment: string): [algorithm: string, digest: string][] {
  const claims: [string, string][] = [];
  for (const part of fragment.split("&", ALGORITHMS_MAX)) {
    const equals = part.indexOf("=");
    if (equals === -1) continue;
    const algorithm = algorithmName(part.slice(0, equals));
    if (isDigestName(algorithm)) claims.push([algorithm, part.slice(equals + 1)]);
  }
  return claims;
}

/**
 * PEP 658 and 714: a boolean, digests by algorithm, or HTML's "true" and
 * "sha256=…". Digests that can't be right mean no metadata: clients then take
 * the file itself, which is checked.
 */
export function readCoreMetadata(value: unknown): ProjectFile["coreMetadata"] {
  if (typeof value === "boolean") return value;
  if (isObject(value)) return metadataWith(Object.entries(value));
  if (typeof value !== "string" || value.trim().toLowerCase() === "false") return false;
  return value.includes("=") ? metadataWith(readFragment(value)) : true;
}

function metadataWith(claims: readonly [string, unknown][]): ProjectFile["coreMetadata"] {
  const hashes = readHashes(claims);
  return hashes !== null && Object.keys(hashes).length > 0 ? hashes : false;
}

/** PEP 592: false, true, or the reason. An empty text says false in JSON; HTML's empty attribute is told before. */
export function readYanked(value: unknown): boolean | string {
  if (typeof value !== "string") return value === true;
  // A reason of nothing printable is still a yank.
  return value !== "" && (readText(value, REASON_MAX_LENGTH) ?? true);
}

/** A cut specifier would mean something else, so a monstrous one is none. */
export function readRequiresPython(value: unknown): string | null {
  return typeof value === "string" && value.length <= SPECIFIER_MAX_LENGTH ? readText(value, SPECIFIER_MAX_LENGTH) : null;
}

export function readSize(value: unknown): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

/** As it was written. Without a zone it is no moment, and the cool-down must not guess one. */
export function readUploadTime(value: unknown): string | null {
  return typeof value === "string" && parseUploadTime(value) !== null ? value : null;
}

/** PEP 792. States of later standards are passed on. */
export function readStatus(state: unknown, reason: unknown): ProjectPage["status"] {
  if (typeof state !== "string") return null;
  const name = state.trim().toLowerCase();
  return STATE.test(name) ? { state: name, reason: readText(reason, REASON_MAX_LENGTH) } : null;
}

/** PEP 700: each once, in upstream's order. Null where there is no list. */
export function readVersions(value: unknown): string[] | null {
  if (!Array.isArray(value)) return null;
  const versions = new Set<string>();
  for (const entry of value) {
    const version = typeof entry === "string" && entry.length <= VERSION_MAX_LENGTH ? readText(entry.trim(), VERSION_MAX_LENGTH) : null;
    if (version !== null) versions.add(version);
  }
  return [...versions];
}

export function readSerial(value: unknown): number | null {
  return readSize(value);
}

/**
 * Why a page of this version of the API can't be read; null when it can. A
 * missing version is 1.0; only a greater major one is another API (PEP 629).
 */
export function apiVersionFault(version: unknown): string | null {
  if (typeof version !== "string" && typeof version !== "number") return null;
  const major = Number.parseInt(String(version), 10);
  return major > 1 ? `it speaks version ${String(version).slice(0, 20)} of the simple API, and only 1.x is understood` : null;
}
