/**
 * The list of all projects (PEP 503 and 691), read and written: 600,000 names
 * at the largest index, so nothing here is kept per name but the name. Pure,
 * and never throws.
 * What is read may share the memory of the text it was read from.
 */

import { isProjectName, normaliseName } from "../../base/project-name.ts";
import { fail, ok, type Result } from "../../base/result.ts";
import { apiVersionFault, isObject, readSerial } from "./fields.ts";
import { type Attributes, attributeOf, isIndexPage, readIndexHtml } from "./html-reader.ts";
import { scanProjects } from "./list-scan.ts";
import { parseJsonObject } from "./parse-json.ts";
import type { ProjectList } from "./project-page.ts";
import { documentEnd, documentStart } from "./render-html.ts";
import { API_VERSION } from "./render-json.ts";

/** So many names are made one text before they become bytes. */
const PORTION = 1024;

export function parseListJson(text: string): Result<ProjectList, string> {
  const scanned = scanProjects(text);
  const parsed = parseJsonObject(scanned?.rest ?? text);
  if (!parsed.ok) return parsed;
  const { projects, meta } = parsed.value;
  if (!Array.isArray(projects)) return fail("it has no list of projects");
  const lastSerial = isObject(meta) ? readSerial(meta["_last-serial"]) : null;
  // Where the list isn't empty after all, it was another of that name that was scanned.
  const found = scanned !== null && projects.length === 0 ? scanned.names : namesOf(projects);
  return ok({ names: found.filter(isProjectName), lastSerial });
}

function namesOf(projects: readonly unknown[]): string[] {
  const names: string[] = [];
  for (const project of projects) {
    const name = isObject(project) ? project["name"] : null;
    if (typeof name === "string") names.push(name);
  }
  return names;
}

export function parseListHtml(text: string): Result<ProjectList, string> {
  const names: string[] = [];
  const facts = readIndexHtml(text, (attributes, label) => {
    const name = projectOf(attributes, label.trim());
    if (name !== null) names.push(name);
  });
  if (facts.isEndless) return fail("a tag, comment or text of it does not end");
  const fault = apiVersionFault(facts.metas.find(([name]) => name === "pypi:repository-version")?.[1]);
  if (fault !== null) return fail(fault);
  if (names.length === 0 && !isIndexPage(facts)) return fail("it is a web page without projects that does not look like an index");
  return ok({ names, lastSerial: facts.lastSerial });
}

/**
 * The text must say what the link leads to: an index's page has other links,
 * too ("../", "Log in"). Directory listings add a slash or cut long names.
 */
function projectOf(attributes: Attributes, label: string): string | null {
  const segment = lastSegment(attributeOf(attributes, "href") ?? "");
  const name = label.endsWith("/") ? label.slice(0, -1) : label;
  if (isProjectName(name)) return normaliseName(name) === normaliseName(segment) ? name : null;
  return name.endsWith("..>") && isProjectName(segment) && segment.startsWith(name.slice(0, -3)) ? segment : null;
}

/** "numpy" of "/simple/numpy/?x#y". A name is never escaped in it. */
function lastSegment(href: string): string {
  const path = href.trim().split(/[?#]/, 1)[0] as string;
  const end = path.endsWith("/") ? path.length - 1 : path.length;
  return path.slice(path.lastIndexOf("/", end - 1) + 1, end);
}

/** UTF-8. */
export function renderListJson(list: ProjectList): Uint8Array {
  const meta = JSON.stringify({ "api-version": API_VERSION, ...(list.lastSerial === null ? {} : { "_last-serial": list.lastSerial }) });
  const entry = (name: string) => `{"name":"${name}"}`;
  return renderEntries(`{"meta":${meta},"projects":[`, list.names, entry, ",", "]}");
}

/** UTF-8. */
export function renderListHtml(list: ProjectList): Uint8Array {
  const entry = (name: string) => `<a href="${normaliseName(name)}/">${name}</a><br>\n`;
  return renderEntries(documentStart("Simple index", []), list.names, entry, "", documentEnd(list.lastSerial));
}

/**
 * Straight into the bytes of the answer: as one text the list would lie in
 * memory twice more. A name has nothing to escape, in JSON, HTML or ASCII.
 */
function renderEntries(
  start: string,
  names: readonly string[],
  entry: (name: string) => string,
  separator: string,
  end: string,
): Uint8Array {
  // A name twice at most, and no entry has more around it than that of an empty name.
  const entryBytes = entry("").length + separator.length;
  const nameBytes = names.reduce((sum, name) => sum + name.length, 0);
  const bytes = Buffer.allocUnsafeSlow(start.length + names.length * entryBytes + 2 * nameBytes + end.length);
  let length = bytes.write(start, 0, "latin1");
  for (let at = 0; at < names.length; at += PORTION) {
    const portion = names
      .slice(at, at + PORTION)
      .map(entry)
      .join(separator);
    length += bytes.write(at === 0 ? portion : separator + portion, length, "latin1");
  }
  length += bytes.write(end, length, "latin1");
  return bytes.subarray(0, length);
}
