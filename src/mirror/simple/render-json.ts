/**
 * A project's page in JSON as the mirror tells it (PEP 691, with 700, 708,
 * 714, 740 and 792): fields that are known and no others. Pure.
 * Addresses are relative, so that a path prefix in front of the mirror works,
 * and none of an upstream's is among them.
 */
import { ARTIFACT_SUFFIX } from "../artifact.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";
import { versionsOf } from "./versions.ts";

export const API_VERSION = "1.4";
/**
 * Of a page that lacks the size of a file: from 1.1 on every size is mandatory
 * (PEP 700). What else is known is there all the same; clients look for keys.
 */
const API_VERSION_WITHOUT_SIZES = "1.0";

/** `files` are those of the page that clients may see. */
export function renderProjectJson(page: ProjectPage, files: readonly ProjectFile[]): string {
  const meta: Record<string, unknown> = {
    "api-version": files.every((file) => file.sizeBytes !== null) ? API_VERSION : API_VERSION_WITHOUT_SIZES,
  };
  if (page.lastSerial !== null) meta["_last-serial"] = page.lastSerial;
  if (page.tracks.length > 0) meta["tracks"] = page.tracks;
  const rendered: Record<string, unknown> = { meta, name: page.name };
  if (page.status !== null) {
    rendered["project-status"] =
      page.status.reason === null ? { status: page.status.state } : { status: page.status.state, reason: page.status.reason };
  }
  // A version whose files are all withheld is withheld, too.
  rendered["versions"] = files.length === page.files.length ? page.versions : versionsOf(files, page.name, page.versions);
  if (page.alternateLocations.length > 0) rendered["alternate-locations"] = page.alternateLocations;
  rendered["files"] = files.map(renderFile);
  return JSON.stringify(rendered);
}

function renderFile(file: ProjectFile): Record<string, unknown> {
  const rendered: Record<string, unknown> = { filename: file.filename, url: relativeAddress(file.filename), hashes: file.hashes };
  if (file.requiresPython !== null) rendered["requires-python"] = file.requiresPython;
  if (file.sizeBytes !== null) rendered["size"] = file.sizeBytes;
  if (file.uploadTime !== null) rendered["upload-time"] = file.uploadTime;
  if (file.yanked !== false) rendered["yanked"] = file.yanked;
  // Never as dist-info-metadata, too: pip 22.3 to 23.1 fail on that key (PEP 714).
  if (file.coreMetadata !== false) rendered["core-metadata"] = file.coreMetadata;
  if (file.gpgSignature !== null) rendered["gpg-sig"] = file.gpgSignature;
  if (file.provenance !== null) rendered["provenance"] = relativeAddress(file.filename + ARTIFACT_SUFFIX.provenance);
  return rendered;
}

/** From a project's page to a file of it. */
export function relativeAddress(filename: string): string {
  return encodeURIComponent(filename);
}
