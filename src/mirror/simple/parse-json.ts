/**
 * A project's page in JSON (PEP 691, with 700, 708, 714, 740 and 792) as an
 * upstream wrote it. Pure, and never throws, whatever the text.
 * A page that is none is refused with the reason; of a page that is one, an
 * entry that cannot be right is left out.
 */

import { normaliseName } from "../../base/project-name.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { resolveAddress, resolveAll } from "./address.ts";
import { isFileName } from "./distribution-name.ts";
import {
  apiVersionFault,
  isObject,
  readCoreMetadata,
  readHashes,
  readRequiresPython,
  readSerial,
  readSize,
  readStatus,
  readUploadTime,
  readVersions,
  readYanked,
} from "./fields.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";
import { readProvenance } from "./provenance.ts";
import { versionsOf } from "./versions.ts";

/** `baseUrl` is where the page came from, after redirects. `project` is what was asked for: a page is not believed to be another's. */
export function parseProjectJson(text: string, project: string, baseUrl: string): Result<ProjectPage, string> {
  const parsed = parseJsonObject(text);
  if (!parsed.ok) return parsed;
  const page = parsed.value;
  if (!Array.isArray(page["files"])) return fail("it has no list of files");
  const name = normaliseName(project);
  const meta = isObject(page["meta"]) ? page["meta"] : {};
  const files = readFiles(page["files"], baseUrl);
  return ok({
    name,
    files,
    versions: readVersions(page["versions"]) ?? versionsOf(files, name),
    status: statusOf(page["project-status"], null) ?? statusOf(meta["project-status"], meta["project-status-reason"]),
    tracks: resolveAll(meta["tracks"], baseUrl),
    alternateLocations: resolveAll(page["alternate-locations"], baseUrl),
    lastSerial: readSerial(meta["_last-serial"]),
  });
}

/** An object of a version that is understood. */
export function parseJsonObject(text: string): Result<Record<string, unknown>, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The reason would quote the page, and this one ends up with a client.
    return fail("it is not valid JSON");
  }
  if (!isObject(value)) return fail("it is not a JSON object");
  const fault = isObject(value["meta"]) ? apiVersionFault(value["meta"]["api-version"]) : null;
  return fault === null ? ok(value) : fail(fault);
}

/** The first of several of one name counts. */
function readFiles(entries: readonly unknown[], baseUrl: string): ProjectFile[] {
  const files = new Map<string, ProjectFile>();
  for (const entry of entries) {
    const file = isObject(entry) ? readFile(entry, baseUrl) : null;
    if (file !== null && !files.has(file.filename)) files.set(file.filename, file);
  }
  return [...files.values()];
}

function readFile(entry: Readonly<Record<string, unknown>>, baseUrl: string): ProjectFile | null {
  const { filename } = entry;
  const address = resolveAddress(entry["url"], baseUrl);
  const hashes = readHashes(isObject(entry["hashes"]) ? Object.entries(entry["hashes"]) : []);
  if (address === null || hashes === null || typeof filename !== "string" || !isFileName(filename)) return null;
  const signature = entry["gpg-sig"];
  return {
    filename,
    url: address.href,
    hashes,
    requiresPython: readRequiresPython(entry["requires-python"]),
    sizeBytes: readSize(entry["size"]),
    uploadTime: readUploadTime(entry["upload-time"]),
    yanked: readYanked(entry["yanked"]),
    // The third is what one index wrote by mistake, and many copied (PEP 714).
    coreMetadata: readCoreMetadata(entry["core-metadata"] ?? entry["dist-info-metadata"] ?? entry["data-dist-info-metadata"]),
    gpgSignature: typeof signature === "boolean" ? signature : null,
    provenance: readProvenance(entry["provenance"], address.href, baseUrl),
  };
}

/** PEP 792 says `status` in its example and `state` in its text; some write the state itself. */
function statusOf(status: unknown, reason: unknown): ProjectPage["status"] {
  return isObject(status) ? readStatus(status["status"] ?? status["state"], status["reason"]) : readStatus(status, reason);
}
