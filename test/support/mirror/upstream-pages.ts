/**
 * Pages of the tests' index, written from the specifications (PEP 503, 592,
 * 629, 658, 691, 700, 708, 714, 740, 792) and without a line of the mirror's:
 * they are what its pages are held against.
 */
import { type Distribution, digest } from "./distributions.ts";

export interface Published extends Distribution {
  /** Path below which the file, its metadata and its signature lie. */
  readonly path: string;
  /** RFC 3339. */
  readonly uploadTime: string;
  readonly yanked: boolean | string;
  /** PEP 740; null where there are no attestations. */
  readonly provenance: { readonly path: string; readonly bytes: Buffer } | null;
  readonly signature: Buffer | null;
}

export interface Project {
  readonly name: string;
  files: Published[];
  status: { readonly status: string; readonly reason?: string } | null;
  tracks: readonly string[];
  alternateLocations: readonly string[];
}

export interface PageStyle {
  /** `json` gives JSON to whoever accepts it and HTML to others, as the public index does. */
  format: "json" | "html";
  links: "relative" | "absolute";
  /** PEP 700's fields: without either the page says that it is version 1.0. */
  uploadTimes: boolean;
  sizes: boolean;
  /** PEP 658. */
  coreMetadata: boolean;
}

export const PLAIN_STYLE: PageStyle = { format: "json", links: "absolute", uploadTimes: true, sizes: true, coreMetadata: true };

export interface Page {
  readonly contentType: string;
  readonly text: string;
}

export const JSON_TYPE = "application/vnd.pypi.simple.v1+json";

export function renderProject(project: Project, style: PageStyle, wantsJson: boolean, origin: string): Page {
  const address = (path: string) => (style.links === "absolute" ? `${origin}${path}` : `../..${path}`);
  return wantsJson ? projectJson(project, style, address) : projectHtml(project, style, address);
}

export function renderList(names: readonly string[], wantsJson: boolean): Page {
  if (wantsJson) {
    const text = JSON.stringify({ meta: { "api-version": "1.4" }, projects: names.map((name) => ({ name })) });
    return { contentType: JSON_TYPE, text };
  }
  const anchors = names.map((name) => `<a href="/simple/${name}/">${escapeHtml(name)}</a><br>\n`);
  return { contentType: "text/html; charset=utf-8", text: htmlPage("Simple index", [], anchors) };
}

type Address = (path: string) => string;

function projectJson(project: Project, style: PageStyle, address: Address): Page {
  const isComplete = style.sizes && style.uploadTimes;
  const page = {
    meta: {
      "api-version": isComplete ? "1.4" : "1.0",
      ...(project.tracks.length > 0 && { tracks: project.tracks }),
    },
    name: project.name,
    ...(isComplete && { versions: [...new Set(project.files.map((file) => file.version))] }),
    ...(project.status !== null && { "project-status": project.status }),
    ...(project.alternateLocations.length > 0 && { "alternate-locations": project.alternateLocations }),
    files: project.files.map((file) => ({
      filename: file.filename,
      url: address(file.path),
      hashes: { sha256: file.sha256 },
      ...(file.requiresPython !== null && { "requires-python": file.requiresPython }),
      ...(style.sizes && { size: file.bytes.length }),
      ...(style.uploadTimes && { "upload-time": file.uploadTime }),
      ...(file.yanked !== false && { yanked: file.yanked }),
      ...(file.signature !== null && { "gpg-sig": true }),
      ...(style.coreMetadata && file.metadata !== null && { "core-metadata": { sha256: metadataSha256(file) } }),
      ...(file.provenance !== null && { provenance: address(file.provenance.path) }),
    })),
  };
  return { contentType: JSON_TYPE, text: JSON.stringify(page) };
}

function projectHtml(project: Project, style: PageStyle, address: Address): Page {
  const anchors = project.files.map((file) => {
    const attributes: (readonly [string, string])[] = [["href", `${address(file.path)}#sha256=${file.sha256}`]];
    if (file.requiresPython !== null) attributes.push(["data-requires-python", file.requiresPython]);
    if (style.coreMetadata && file.metadata !== null) {
      for (const name of ["data-core-metadata", "data-dist-info-metadata"]) attributes.push([name, `sha256=${metadataSha256(file)}`]);
    }
    if (file.yanked !== false) attributes.push(["data-yanked", file.yanked === true ? "" : file.yanked]);
    if (file.signature !== null) attributes.push(["data-gpg-sig", "true"]);
    if (file.provenance !== null) attributes.push(["data-provenance", address(file.provenance.path)]);
    const written = attributes.map(([name, value]) => `${name}="${escapeHtml(value)}"`).join(" ");
    return `<a ${written}>${escapeHtml(file.filename)}</a><br>\n`;
  });
  const meta = [
    ...project.tracks.map((url) => ["pypi:tracks", url] as const),
    ...project.alternateLocations.map((url) => ["pypi:alternate-locations", url] as const),
    ...(project.status === null ? [] : [["pypi:project-status", project.status.status] as const]),
    ...(project.status?.reason === undefined ? [] : [["pypi:project-status-reason", project.status.reason] as const]),
  ];
  return { contentType: "text/html; charset=utf-8", text: htmlPage(`Links for ${project.name}`, meta, anchors) };
}

function htmlPage(title: string, meta: readonly (readonly [string, string])[], anchors: readonly string[]): string {
  const tags = [["pypi:repository-version", "1.4"] as const, ...meta].map(
    ([name, content]) => `<meta name="${name}" content="${escapeHtml(content)}">\n`,
  );
  return `<!DOCTYPE html>\n<html><head>\n${tags.join("")}<title>${escapeHtml(title)}</title></head><body>\n${anchors.join("")}</body></html>\n`;
}

/** PEP 658: of the metadata file itself. */
function metadataSha256(file: Published): string {
  return digest(file.metadata!, "hex");
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
