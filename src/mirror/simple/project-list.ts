/**
 * The list of all projects (PEP 503 and 691), read and written: 600,000 names
 * at the largest index, so nothing here is kept per name but the name. Pure,
 * and never throws.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import { apiVersionFault, isObject, readSerial } from "./fields.ts";
import { type Attributes, attributeOf, isIndexPage, readIndexHtml } from "./html-reader.ts";
import { parseJsonObject } from "./parse-json.ts";
import { isProjectName, normaliseName } from "./project-name.ts";
import type { ProjectList } from "./project-page.ts";
import { renderDocument } from "./render-html.ts";
import { API_VERSION } from "./render-json.ts";

/** Strings are joined in portions of so many names: one long chain would cost more than the text. */
const PORTION = 4096;

export function parseListJson(text: string): Result<ProjectList, string> {
  const parsed = parseJsonObject(text);
  if (!parsed.ok) return parsed;
  const { projects, meta } = parsed.value;
  if (!Array.isArray(projects)) return fail("it has no list of projects");
  const names: string[] = [];
  for (const project of projects) {
    const name = isObject(project) ? project["name"] : null;
    if (typeof name === "string" && isProjectName(name)) names.push(name);
  }
  return ok({ names, lastSerial: isObject(meta) ? readSerial(meta["_last-serial"]) : null });
}

export function parseListHtml(text: string): Result<ProjectList, string> {
  const names: string[] = [];
  const facts = readIndexHtml(text, (attributes, label) => {
    const name = projectOf(attributes, label.trim());
    if (name !== null) names.push(name);
  });
  const fault = apiVersionFault(facts.metas.find(([name]) => name === "pypi:repository-version")?.[1]);
  if (fault !== null) return fail(fault);
  if (names.length === 0 && !isIndexPage(facts)) return fail("it is a web page without projects that does not look like an index");
  return ok({ names, lastSerial: facts.lastSerial });
}

export function renderListJson(list: ProjectList): string {
  const meta = JSON.stringify({ "api-version": API_VERSION, ...(list.lastSerial === null ? {} : { "_last-serial": list.lastSerial }) });
  // A project's name has nothing to escape.
  const projects = inPortions(list.names, (name) => `{"name":"${name}"}`, ",");
  return `{"meta":${meta},"projects":[${projects.join(",")}]}`;
}

export function renderListHtml(list: ProjectList): string {
  const lines = inPortions(list.names, (name) => `<a href="${normaliseName(name)}/">${name}</a><br>\n`, "");
  return renderDocument("Simple index", [], lines, list.lastSerial);
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

function inPortions(names: readonly string[], render: (name: string) => string, separator: string): string[] {
  const portions: string[] = [];
  for (let at = 0; at < names.length; at += PORTION) {
    portions.push(
      names
        .slice(at, at + PORTION)
        .map(render)
        .join(separator),
    );
  }
  return portions;
}
