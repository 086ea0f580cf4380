/**
 * A project's page in HTML as the mirror tells it (PEP 503, with 592, 629,
 * 658/714, 708, 740 and 792). Pure.
 * Every text of an upstream is escaped, and none of its addresses is shown
 * but those that PEP 708 is about.
 */
import { escapeHtml } from "../../base/html.ts";
import { ARTIFACT_SUFFIX } from "../artifact.ts";
import { LINK_PREFERENCE } from "./digests.ts";
import type { ProjectFile, ProjectPage } from "./project-page.ts";
import { API_VERSION, relativeAddress } from "./render-json.ts";

/** `files` are those of the page that clients may see. */
export function renderProjectHtml(page: ProjectPage, files: readonly ProjectFile[]): string {
  const metas = [
    ...(page.status === null ? [] : [meta("project-status", page.status.state)]),
    ...(page.status === null || page.status.reason === null ? [] : [meta("project-status-reason", page.status.reason)]),
    ...page.tracks.map((address) => meta("tracks", address)),
    ...page.alternateLocations.map((address) => meta("alternate-locations", address)),
  ];
  return documentStart(`Links for ${page.name}`, metas) + files.map(renderLink).join("") + documentEnd(page.lastSerial);
}

/** Of a page of links, up to the first. */
export function documentStart(title: string, metas: readonly string[]): string {
  const head = ['<meta charset="utf-8">', meta("repository-version", API_VERSION), ...metas, `<title>${escapeHtml(title)}</title>`];
  return `<!DOCTYPE html>\n<html>\n<head>\n${head.join("\n")}\n</head>\n<body>\n<h1>${escapeHtml(title)}</h1>\n`;
}

export function documentEnd(lastSerial: number | null): string {
  return `</body>\n</html>\n${lastSerial === null ? "" : `<!--SERIAL ${lastSerial}-->\n`}`;
}

function meta(name: string, content: string): string {
  return `<meta name="pypi:${name}" content="${escapeHtml(content)}">`;
}

function renderLink(file: ProjectFile): string {
  const digest = bestDigest(file.hashes);
  let attributes = `href="${escapeHtml(relativeAddress(file.filename))}${digest === null ? "" : `#${digest}`}"`;
  if (file.requiresPython !== null) attributes += ` data-requires-python="${escapeHtml(file.requiresPython)}"`;
  if (file.yanked !== false) attributes += ` data-yanked="${file.yanked === true ? "" : escapeHtml(file.yanked)}"`;
  if (file.coreMetadata !== false) {
    const metadata = (file.coreMetadata === true ? null : bestDigest(file.coreMetadata)) ?? "true";
    // Both names, the second for clients of before PEP 714.
    attributes += ` data-core-metadata="${metadata}" data-dist-info-metadata="${metadata}"`;
  }
  if (file.gpgSignature !== null) attributes += ` data-gpg-sig="${file.gpgSignature}"`;
  if (file.provenance !== null)
    attributes += ` data-provenance="${escapeHtml(relativeAddress(file.filename + ARTIFACT_SUFFIX.provenance))}"`;
  return `<a ${attributes}>${escapeHtml(file.filename)}</a><br>\n`;
}

/** "sha256=…"; algorithms that no installer checks in a link are left to JSON. */
function bestDigest(hashes: Readonly<Record<string, string>>): string | null {
  for (const algorithm of LINK_PREFERENCE) {
    const digest = Object.hasOwn(hashes, algorithm) ? hashes[algorithm] : undefined;
    if (digest !== undefined) return `${algorithm}=${digest}`;
  }
  return null;
}
