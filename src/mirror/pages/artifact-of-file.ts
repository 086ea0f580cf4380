/**
 * Which artifacts a listed file has, and where they lie upstream. Pure. Null
 * where the page says that there is none, so that nobody is asked for it.
 */
import { assert } from "../../base/assert.ts";
import { ARTIFACT_SUFFIX, type Artifact, type ArtifactKind } from "../artifact.ts";
import { isFolderUrl, parseFolderUrl } from "../packages/folder-url.ts";
import type { ProjectFile } from "../simple/project-page.ts";

/** `index` is the name of the one that owns the project; null for the folder of packages. */
export function artifactOfFile(project: string, file: ProjectFile, kind: ArtifactKind, index: string | null): Artifact | null {
  const known = knownOf(file, kind);
  if (known === null) return null;
  const source: Artifact["source"] =
    index === null ? { kind: "folder", ...parseFolderUrl(known.url) } : { kind: "index", index, url: known.url };
  const { hashes, sizeBytes } = known;
  return { kind, project, filename: `${file.filename}${ARTIFACT_SUFFIX[kind]}`, source, hashes, sizeBytes };
}

/** What to call an artifact that nobody gets, whether there is one or not. */
export function withheldArtifact(project: string, file: ProjectFile, kind: ArtifactKind, index: string | null): Artifact {
  const withheld = artifactOfFile(project, file, "file", index);
  assert(withheld !== null, "a listed file is no artifact");
  return { ...withheld, kind, filename: `${file.filename}${ARTIFACT_SUFFIX[kind]}`, hashes: {}, sizeBytes: null };
}

function knownOf(file: ProjectFile, kind: ArtifactKind): { url: string; hashes: Artifact["hashes"]; sizeBytes: number | null } | null {
  switch (kind) {
    case "file":
      return { url: file.url, hashes: file.hashes, sizeBytes: file.sizeBytes };
    case "metadata":
      if (file.coreMetadata === false) return null;
      return { url: beside(file.url, kind), hashes: file.coreMetadata === true ? {} : file.coreMetadata, sizeBytes: null };
    case "provenance":
      return file.provenance === null ? null : { url: file.provenance, hashes: {}, sizeBytes: null };
    case "signature":
      // Where the page doesn't say, upstream will.
      return file.gpgSignature === false ? null : { url: beside(file.url, kind), hashes: {}, sizeBytes: null };
  }
}

/** The suffix belongs to the path: some indexes sign their addresses, in a query. */
function beside(url: string, kind: ArtifactKind): string {
  const query = isFolderUrl(url) ? -1 : url.indexOf("?");
  return query === -1 ? `${url}${ARTIFACT_SUFFIX[kind]}` : `${url.slice(0, query)}${ARTIFACT_SUFFIX[kind]}${url.slice(query)}`;
}
