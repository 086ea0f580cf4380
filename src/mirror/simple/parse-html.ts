/**
 * A project's page in HTML (PEP 503, with 592, 629, 658/714, 708, 740 and 792)
 * as an upstream wrote it: links anywhere on the page, among whatever else is
 * there. Pure, and never throws.
 * The same data make the same page as parse-json.ts makes of JSON; HTML has no
 * place for sizes and upload times, which are null then.
 */

import { normaliseName } from "../../base/project-name.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { type Address, resolveAddress, resolveAll } from "./address.ts";
import { isDistributionFile, isFileName } from "./distribution-name.ts";
import { apiVersionFault, readCoreMetadata, readFragment, readHashes, readRequiresPython, readStatus, readYanked } from "./fields.ts";
import { type Attributes, attributeOf, type HtmlFacts, isIndexPage, readIndexHtml } from "./html-reader.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";
import { readProvenance } from "./provenance.ts";
import { versionsOf } from "./versions.ts";

/** `baseUrl` is where the page came from, after redirects. */
export function parseProjectHtml(text: string, project: string, baseUrl: string): Result<ProjectPage, string> {
  const anchors: [Attributes, string][] = [];
  const facts = readIndexHtml(text, (attributes, label) => anchors.push([attributes, label]));
  if (facts.isEndless) return fail("a tag, comment or text of it does not end");
  const fault = apiVersionFault(metaOf(facts, "pypi:repository-version"));
  if (fault !== null) return fail(fault);
  // Known only now: <base> counts for all links, wherever it stands.
  const base = resolveAddress(facts.baseHref, baseUrl)?.href ?? baseUrl;
  const files = readFiles(anchors, base);
  if (files.length === 0 && !isIndexPage(facts)) return fail("it is a web page without files that does not look like an index");
  const name = normaliseName(project);
  return ok({
    name,
    files,
    versions: versionsOf(files, name),
    status: readStatus(metaOf(facts, "pypi:project-status"), metaOf(facts, "pypi:project-status-reason")),
    tracks: resolveAll(metasOf(facts, "pypi:tracks"), base),
    alternateLocations: resolveAll(metasOf(facts, "pypi:alternate-locations"), base),
    lastSerial: facts.lastSerial,
  });
}

/** The first of several of one name counts. */
function readFiles(anchors: readonly (readonly [Attributes, string])[], base: string): ProjectFile[] {
  const files = new Map<string, ProjectFile>();
  for (const [attributes, label] of anchors) {
    const file = readAnchor(attributes, label, base);
    if (file !== null && !files.has(file.filename)) files.set(file.filename, file);
  }
  return [...files.values()];
}

/** Null for a link to anything else. */
function readAnchor(attributes: Attributes, label: string, base: string): ProjectFile | null {
  const address = resolveAddress(attributeOf(attributes, "href"), base);
  if (address === null) return null;
  const claims = readFragment(address.fragment);
  const filename = filenameOf(address, label.trim(), claims.length > 0);
  const hashes = readHashes(claims);
  if (filename === null || hashes === null) return null;
  const yanked = attributeOf(attributes, "data-yanked");
  const signature = attributeOf(attributes, "data-gpg-sig")?.trim().toLowerCase();
  return {
    filename,
    url: address.href,
    hashes,
    requiresPython: readRequiresPython(attributeOf(attributes, "data-requires-python")),
    sizeBytes: null,
    uploadTime: null,
    yanked: yanked === "" || readYanked(yanked),
    coreMetadata: readCoreMetadata(attributeOf(attributes, "data-core-metadata") ?? attributeOf(attributes, "data-dist-info-metadata")),
    gpgSignature: signature === "true" ? true : signature === "false" ? false : null,
    provenance: readProvenance(attributeOf(attributes, "data-provenance"), address.href, base),
  };
}

/**
 * The address's last segment, as pip has it. Where a mirror hides the name
 * ("/download?id=7"), it is in the text. A digest in the fragment says that
 * the link is a file even when its ending doesn't.
 */
function filenameOf(address: Address, label: string, hasDigest: boolean): string | null {
  const segment = decodeSegment(address.lastSegment);
  if (isDistributionFile(segment)) return segment;
  if (isDistributionFile(label)) return label;
  if (!hasDigest) return null;
  return isFileName(segment) ? segment : isFileName(label) ? label : null;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function metaOf(facts: HtmlFacts, name: string): string | undefined {
  return facts.metas.find((meta) => meta[0] === name)?.[1];
}

function metasOf(facts: HtmlFacts, name: string): string[] {
  return facts.metas.filter((meta) => meta[0] === name).map((meta) => meta[1]);
}
