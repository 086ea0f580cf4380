/**
 * Pages in a bundle: trimmed to what the bundle holds, because a page that
 * lists more would let an installer without a network choose what it can't
 * get; read back with every field checked, as strictly as an index's own; and joined with what the importing
 * mirror knows already, which is never contradicted. Pure.
 */

import { fail, ok, type Result } from "../../base/result.ts";
import { MIB } from "../../base/units.ts";
import { parseHash } from "../lockfile/lock-file.ts";
import { tooManyParts } from "../pages/page-parts.ts";
import { resolveAddress } from "../simple/address.ts";
import { isFileName, parseDistributionName } from "../simple/distribution-name.ts";
import { readRequiresPython, readSize, readStatus, readUploadTime, readYanked } from "../simple/fields.ts";
import type { ProjectFile, ProjectPage } from "../simple/project-page.ts";
import { versionsOf } from "../simple/versions.ts";

export const PAGE_MAX_BYTES = 64 * MIB;

/** A file of the bundle, with what its bytes turned out to be. */
export interface BundledFile {
  readonly file: ProjectFile;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Null when the bundle holds no metadata of it. */
  readonly metadataSha256: string | null;
}

export function trimPage(page: ProjectPage, bundled: readonly BundledFile[]): ProjectPage {
  const files = bundled.map(
    ({ file, sha256, sizeBytes, metadataSha256 }): ProjectFile => ({
      ...file,
      // A path of this machine is nobody's business elsewhere.
      url: isWebAddress(file.url) ? file.url : `bundle:${file.filename}`,
      hashes: { ...file.hashes, sha256 },
      sizeBytes,
      coreMetadata: metadataSha256 === null ? false : { sha256: metadataSha256 },
      gpgSignature: null,
      provenance: null,
    }),
  );
  return {
    name: page.name,
    files,
    versions: versionsOf(files, page.name),
    status: page.status,
    tracks: [],
    alternateLocations: [],
    lastSerial: null,
  };
}

function isWebAddress(url: string): boolean {
  const parsed = URL.parse(url);
  return (
    parsed !== null && (parsed.protocol === "https:" || parsed.protocol === "http:") && parsed.username === "" && parsed.password === ""
  );
}

/** The fault is a phrase that follows the bundle's name. */
export function parseBundledPage(project: string, text: string): Result<ProjectPage, string> {
  const fault = fail(`its page of ${project} can't be read`);
  if (tooManyParts({ parser: "json", text }) !== null) return fault;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fault;
  }
  const { name, files, status } = (value ?? {}) as Record<string, unknown>;
  if (name !== project || !Array.isArray(files)) return fault;
  const read = files.map((file) => readFile(project, file));
  if (!read.every((file) => file !== null) || new Set(read.map(({ filename }) => filename)).size !== read.length) return fault;
  return ok({
    name: project,
    files: read,
    versions: versionsOf(read, project),
    status: statusOf(status),
    tracks: [],
    alternateLocations: [],
    lastSerial: null,
  });
}

function statusOf(value: unknown): ProjectPage["status"] {
  const { state, reason } = (value ?? {}) as Record<string, unknown>;
  return readStatus(state, reason);
}

function readFile(project: string, value: unknown): ProjectFile | null {
  const { filename, url, hashes, requiresPython, sizeBytes, uploadTime, yanked, coreMetadata } = (value ?? {}) as Record<string, unknown>;
  if (typeof filename !== "string" || !isFileName(filename) || parseDistributionName(filename, project)?.project !== project) return null;
  if (typeof url !== "string" || !(url === `bundle:${filename}` || resolveAddress(url, url)?.href === url)) return null;
  const [readHashes, readMetadata] = [asHashes(hashes), asHashes(coreMetadata)];
  if (readHashes?.["sha256"] === undefined || (readMetadata === null && coreMetadata !== false)) return null;
  const size = readSize(sizeBytes);
  if (size === null && (sizeBytes ?? null) !== null) return null;
  return {
    filename,
    url,
    hashes: readHashes,
    requiresPython: readRequiresPython(requiresPython),
    sizeBytes: size,
    uploadTime: readUploadTime(uploadTime),
    yanked: readYanked(yanked),
    coreMetadata: readMetadata ?? false,
    gpgSignature: null,
    provenance: null,
  };
}

function asHashes(value: unknown): Record<string, string> | null {
  if (typeof value !== "object" || value === null) return null;
  const hashes: Record<string, string> = {};
  for (const [algorithm, digest] of Object.entries(value)) {
    const hash = parseHash(`${algorithm}:${String(digest)}`);
    if (hash === null) return null;
    Object.assign(hashes, hash);
  }
  return hashes;
}

/**
 * What is kept stays, completed by what the bundle knows: `kept` itself where that is nothing new. The fault is a phrase that names
 * the file they disagree on.
 */
export function joinPages(kept: ProjectPage, bundled: ProjectPage): Result<ProjectPage, string> {
  const additions = new Map(bundled.files.map((file) => [file.filename, file]));
  const files: ProjectFile[] = [];
  for (const file of kept.files) {
    const addition = additions.get(file.filename);
    additions.delete(file.filename);
    if (addition !== undefined && contradicts(file.hashes, addition.hashes))
      return fail(`${file.filename} has other bytes than the mirror knows by that name`);
    files.push(addition === undefined ? file : joinFiles(file, addition));
  }
  if (additions.size === 0 && files.every((file, place) => file === kept.files[place])) return ok(kept);
  files.push(...additions.values());
  const versions = [...new Set([...kept.versions, ...bundled.versions])];
  return ok({ ...kept, files, versions });
}

function joinFiles(kept: ProjectFile, addition: ProjectFile): ProjectFile {
  const hashes = { ...addition.hashes, ...kept.hashes };
  const sizeBytes = kept.sizeBytes ?? addition.sizeBytes;
  const coreMetadata = joinMetadata(kept.coreMetadata, addition.coreMetadata);
  const isKnown = Object.keys(hashes).length === Object.keys(kept.hashes).length && sizeBytes === kept.sizeBytes;
  return isKnown && coreMetadata === kept.coreMetadata ? kept : { ...kept, hashes, sizeBytes, coreMetadata };
}

function joinMetadata(kept: ProjectFile["coreMetadata"], bundled: ProjectFile["coreMetadata"]): ProjectFile["coreMetadata"] {
  return typeof kept === "object" && kept["sha256"] !== undefined ? kept : bundled === false ? kept : bundled;
}

/** Do they tell different digests of one algorithm? */
export function contradicts(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  return Object.entries(one).some(([algorithm, digest]) => Object.hasOwn(other, algorithm) && other[algorithm] !== digest);
}
