/**
 * What a terminal can show: colours where a person reads, plain text in pipes
 * and files. Honours NO_COLOR and FORCE_COLOR. Text from outside (requests,
 * file names, guest logs) goes through `printable` before it reaches a
 * terminal: escape sequences in it could rewrite what the reader sees.
 */

export interface Palette {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

export function palette(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): Palette {
  const forced = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0";
  const coloured = !env["NO_COLOR"] && env["TERM"] !== "dumb" && (forced || stream.isTTY === true);
  const paint = (open: number, close: number) => (text: string) => (coloured ? `\x1b[${open}m${text}\x1b[${close}m` : text);
  return { bold: paint(1, 22), dim: paint(2, 22), red: paint(31, 39), green: paint(32, 39), yellow: paint(33, 39), cyan: paint(36, 39) };
}

/** Control characters made visible; line breaks and tabs stay. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
