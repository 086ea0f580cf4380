/**
 * Log style: a record as lines for people, in dev. Says nothing twice, and
 * names files so that a terminal makes them links. Function output is hostile:
 * control characters are shown, never sent to the terminal, where an escape
 * sequence could retitle the window or rewrite earlier lines.
 */
import { join, relative } from "node:path";
import { describeBytes, MINUTE_MS, SECOND_MS } from "../base/units.ts";
import type { LineStyle } from "./log-hub.ts";

/** Where the reader is, and what the files in stacks are relative to. */
export interface Places {
  readonly cwd: string;
  readonly sourceRoot: string;
}

type LogFields = Readonly<Record<string, unknown>>;

const LEVEL_COLOUR: Readonly<Record<string, string>> = { error: "31", warn: "33", info: "36", debug: "90" };
const DIM = "90";
/** What has a place of its own; everything else of a record goes behind the message. */
const PLACED = new Set(["time", "level", "function", "requestId", "message", "stack", "excerpt", "hint", "at"]);
/** Of an answer: they stand in its message. */
const ANSWER = new Set(["method", "path", "status", "bytes", "durationUs"]);
/** `name (` or nothing, then the script, then the position; scripts of other origin ("node:fs", "/usr") stay. */
const FRAME = /^( {4}at (?:[^()]* \()?(?:async )?)([^\s():/][^():]*)(:\d+:\d+\)?)$/;

export function createLineStyle(isColoured: boolean, places: Places | null = null): LineStyle {
  const paint = (colour: string, text: string): string => (isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  return (line) => {
    const record = parse(line);
    if (record === null) return visible(line);
    const level = String(record["level"]);
    const answer = answerOf(record);
    const [first = "", ...rest] = messageOf(record, places).split("\n");
    const trace = [...rest, ...stackOf(record)].map((text) => withShownFile(text, places));
    const origin = answer === "" ? originOf(record, first) : "";
    const head = `${paint(DIM, String(record["time"]).slice(11, 23))} ${paint(LEVEL_COLOUR[level] ?? DIM, level.padEnd(5))}`;
    const fields = fieldsOf(record, answer !== "");
    const below = [...trace, ...linesOf(record["excerpt"]), ...linesOf(record["hint"]).map((hint) => `  ${hint}`)];
    return [
      `${head} ${visible(`${origin}${first}${answer}`)}${fields === "" ? "" : ` ${paint(DIM, visible(fields))}`}`,
      ...below.map(visible),
    ].join("\n");
  };
}

/** Colour when a person looks and has not asked for none (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && (env["NO_COLOR"] ?? "") === "";
}

/** Whose record it is, unless that is its first word. */
function originOf({ function: functionId }: LogFields, message: string): string {
  return typeof functionId !== "string" || message.startsWith(`${functionId} `) ? "" : `${functionId}: `;
}

/** What an access record says beyond its message; "" for every other record. */
function answerOf(record: LogFields): string {
  const { method, path, status, bytes, durationUs } = record;
  if (record["message"] !== `${method} ${path} ${status}`) return "";
  return typeof bytes === "number" && typeof durationUs === "number" ? ` ${describeBytes(bytes)} ${describeDuration(durationUs)}` : "";
}

function describeDuration(us: number): string {
  if (us < 1_000) return `${us} us`;
  const ms = us / 1_000;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  return ms < MINUTE_MS ? `${(ms / SECOND_MS).toFixed(1)} s` : `${Math.round(ms / SECOND_MS)} s`;
}

function fieldsOf(record: LogFields, isAnswer: boolean): string {
  return Object.entries(record)
    .filter(([name]) => !PLACED.has(name) && !(isAnswer && ANSWER.has(name)))
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ");
}

/** The message with the place it is about: in front, or where it names the place itself. */
function messageOf(record: LogFields, places: Places | null): string {
  const message = String(record["message"]);
  const at = record["at"] as { file?: unknown; line?: unknown; column?: unknown } | null | undefined;
  if (typeof at?.file !== "string" || at.file === "") return message;
  const position = [at.line, at.column].flatMap((part) => (typeof part === "number" ? [`:${part}`] : [])).join("");
  const shown = `${shownFile(at.file, places)}${position}`;
  return message.includes(at.file + position) ? message.replace(at.file + position, () => shown) : `${shown}: ${message}`;
}

/** Without its first line where that repeats the message. */
function stackOf(record: LogFields): string[] {
  const lines = linesOf(record["stack"]);
  const said = String(record["message"]).split("\n");
  return said.every((line, index) => line === lines[index]) ? lines.slice(said.length) : lines;
}

function linesOf(text: unknown): string[] {
  return typeof text === "string" && text !== "" ? text.split("\n") : [];
}

function withShownFile(line: string, places: Places | null): string {
  return line.replace(FRAME, (_, before: string, file: string, after: string) => `${before}${shownFile(file, places)}${after}`);
}

/** As seen from the working folder; a file far away keeps its whole name. */
function shownFile(file: string, places: Places | null): string {
  if (places === null) return file;
  const near = relative(places.cwd, file.startsWith("/") ? file : join(places.sourceRoot, file));
  return near.startsWith("..") ? file : near;
}

function parse(line: string): LogFields | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as LogFields) : null;
  } catch {
    return null;
  }
}

/** Newlines and tabs stay; other control characters (C0, DEL, C1, bidirectional overrides) become visible. */
function visible(text: string): string {
  return text.replace(
    /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
