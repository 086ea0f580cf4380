/** Text of strangers for a terminal: what would steer it is shown as a replacement character. Lines and tabs stay. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is to be found.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

export function printable(text: string): string {
  return text.replace(CONTROLS, "\ufffd");
}
