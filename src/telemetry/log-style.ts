/**
 * Log style: a record as a line for people, in dev. Function output is hostile:
 * control characters are shown, never sent to the terminal, where an escape
 * sequence could retitle the window or rewrite earlier lines.
 */
import type { LineStyle } from "./log-hub.ts";

const LEVEL_COLOUR: Readonly<Record<string, string>> = { error: "31", warn: "33", info: "36", debug: "90" };
const DIM = "90";
/** Stacks are worth their lines; everything else of a record goes behind the message. */
const OWN_LINES = new Set(["stack"]);
const FIXED = new Set(["time", "level", "function", "requestId", "message"]);

export function createLineStyle(isColoured: boolean): LineStyle {
  const paint = (colour: string, text: string): string => (isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  return (line) => {
    const record = parse(line);
    if (record === null) return visible(line);
    const level = String(record["level"]);
    const time = String(record["time"]).slice(11, 23);
    const origin = typeof record["function"] === "string" ? `${record["function"]}: ` : "";
    const rest = Object.entries(record).filter(([name]) => !FIXED.has(name) && !OWN_LINES.has(name));
    const fields = rest.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
    const head = `${paint(DIM, time)} ${paint(LEVEL_COLOUR[level] ?? DIM, level.padEnd(5))} ${visible(`${origin}${String(record["message"])}`)}`;
    const stack = typeof record["stack"] === "string" ? `\n${visible(record["stack"])}` : "";
    return `${head}${fields === "" ? "" : ` ${paint(DIM, visible(fields))}`}${stack}`;
  };
}

/** Colour when a person looks and has not asked for none (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  return stream.isTTY === true && (env["NO_COLOR"] ?? "") === "";
}

function parse(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
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
