/**
 * Source maps: stacks of a bundle in terms of the developer's files. Stacks
 * come from guests, so they are hostile text: lines and lengths are bounded,
 * and a frame is read from its end, without backtracking. Lines that are no
 * frames of the bundle stay as they are; frames of our own code are dropped.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { TraceMap } from "@jridgewell/trace-mapping";
import { RecentMap } from "../../base/recent-map.ts";
import { ENTRY_SOURCE } from "./bundle-entry.ts";

/** Script names inside isolates: "pilotlight:<function id>", and "pilotlight-guest" for the prelude. */
const SCRIPT_PREFIX = "pilotlight:";
export const GUEST_SCRIPT = "pilotlight-guest";
const STACK_MAX_CHARS = 32_768;
const LINE_MAX_CHARS = 2_048;
const FRAME_MAX_COUNT = 100;
const EXCERPT_FILE_MAX_CHARS = 4_194_304;
const EXCERPT_CONTEXT_LINES = 3;
const EXCERPT_LINE_MAX_CHARS = 200;
/** Parsed maps kept: a function that throws does so again. */
const MAP_CACHE_MAX_COUNT = 8;

interface Tracing {
  readonly tools: typeof import("@jridgewell/trace-mapping");
  readonly map: TraceMap;
}

/** By map file. Names are content hashes, so an entry is never stale. */
const tracings = new RecentMap<string, Tracing>({ countMax: MAP_CACHE_MAX_COUNT });

/** `stack` with the positions of the sources, relative to the source root. Rejects when the map can't be read. */
export async function mapStack(stack: string, mapFile: string): Promise<string> {
  const tracing = await tracingOf(mapFile);
  return mapWith(tracing, stack);
}

/** The same with the map's text at hand. */
export function mapStackWith(stack: string, mapJson: string): string {
  return mapWith(parse(mapJson), stack);
}

/**
 * The lines around the first frame of a mapped stack that names one of the
 * map's own sources, with a mark; "" when there is none. Reads the sources that
 * the map carries: what was bundled, whatever has become of the files.
 */
export async function excerptOf(mappedStack: string, mapFile: string): Promise<string> {
  const { map } = await tracingOf(mapFile);
  for (const line of linesOf(mappedStack)) {
    const place = placeIn(line);
    const source = place === null ? -1 : map.sources.indexOf(place.script);
    const content = map.sourcesContent?.[source];
    if (place !== null && content != null) return excerpt(content, place.line, place.column);
  }
  return "";
}

/** Lines of `content` around a position, numbered, the position marked. */
export function excerpt(content: string, line: number, column: number): string {
  const lines = content.slice(0, EXCERPT_FILE_MAX_CHARS).split("\n");
  if (line < 1 || line > lines.length) return "";
  const first = Math.max(1, line - EXCERPT_CONTEXT_LINES);
  const last = Math.min(lines.length, line + EXCERPT_CONTEXT_LINES);
  const width = String(last).length;
  const shown: string[] = [];
  for (let number = first; number <= last; number++) {
    const text = lines[number - 1]!.slice(0, EXCERPT_LINE_MAX_CHARS).replaceAll("\t", " ").trimEnd();
    shown.push(`${number === line ? ">" : " "} ${String(number).padStart(width)} | ${text}`.trimEnd());
    if (number === line && column <= EXCERPT_LINE_MAX_CHARS) shown.push(`  ${" ".repeat(width)} | ${" ".repeat(column - 1)}^`);
  }
  return shown.join("\n");
}

async function tracingOf(mapFile: string): Promise<Tracing> {
  const known = tracings.get(mapFile);
  if (known !== undefined) return known;
  const tracing = parse(await readFile(mapFile, "utf8"));
  tracings.set(mapFile, tracing);
  return tracing;
}

/** The package is loaded at the first stack: a server without errors never needs it. */
function parse(mapJson: string): Tracing {
  const tools = createRequire(import.meta.filename)("@jridgewell/trace-mapping") as Tracing["tools"];
  return { tools, map: new tools.TraceMap(mapJson) };
}

function mapWith(tracing: Tracing, stack: string): string {
  return linesOf(stack)
    .flatMap((line) => mapLine(tracing, line) ?? [])
    .join("\n");
}

function linesOf(stack: string): string[] {
  return stack
    .slice(0, STACK_MAX_CHARS)
    .split("\n", FRAME_MAX_COUNT)
    .map((line) => line.slice(0, LINE_MAX_CHARS));
}

/** Null drops the line. */
function mapLine({ tools, map }: Tracing, line: string): string | null {
  const place = placeIn(line);
  if (place === null) return line;
  if (place.script === GUEST_SCRIPT) return null;
  if (!place.script.startsWith(SCRIPT_PREFIX)) return line;
  const original = tools.originalPositionFor(map, { line: place.line, column: place.column - 1 });
  // Positions of no source are the wrapper and the bundler's helpers.
  if (original.source === null || original.source === ENTRY_SOURCE) return null;
  return `${place.before}${original.source}:${original.line}:${original.column + 1}${place.after}`;
}

interface Place {
  readonly before: string;
  readonly script: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly after: string;
}

/**
 * "    at name (script:1:2)" or "    at script:1:2". Ids may hold spaces,
 * brackets and colons, so the numbers are taken from the end.
 */
function placeIn(frame: string): Place | null {
  const trimmed = frame.trimStart();
  if (!trimmed.startsWith("at ")) return null;
  const after = frame.endsWith(")") ? ")" : "";
  const text = after === "" ? frame : frame.slice(0, -1);
  const columnMark = text.lastIndexOf(":");
  const lineMark = text.lastIndexOf(":", columnMark - 1);
  if (columnMark < 0 || lineMark < 0) return null;
  const line = positiveInteger(text.slice(lineMark + 1, columnMark));
  const column = positiveInteger(text.slice(columnMark + 1));
  if (line === null || column === null) return null;
  const start = scriptStart(text, after === ")");
  return { before: text.slice(0, start), script: text.slice(start, lineMark), line, column, after };
}

function scriptStart(text: string, inParentheses: boolean): number {
  const named = text.indexOf(inParentheses ? `(${SCRIPT_PREFIX}` : ` ${SCRIPT_PREFIX}`);
  if (named >= 0) return named + 1;
  const opening = inParentheses ? text.indexOf(" (") + 2 : text.indexOf("at ") + 3;
  return text.startsWith("async ", opening) ? opening + 6 : opening;
}

function positiveInteger(digits: string): number | null {
  return /^[1-9]\d{0,8}$/.test(digits) ? Number(digits) : null;
}
