/**
 * Names out of a module, for messages: they come from hostile bytes and land in
 * terminals and logs, so control characters are escaped and lengths are cut.
 */
const NAME_MAX_CHARS = 80;
const NAMES_MAX = 20;

export function printable(name: string): string {
  const cut = name.length > NAME_MAX_CHARS ? `${name.slice(0, NAME_MAX_CHARS)}…` : name;
  return cut.replace(/[\p{C}\p{Z}]/gu, (char) => (char === " " ? char : `\\u{${char.codePointAt(0)!.toString(16)}}`));
}

/** "a, b and 3 more", of names that are printable. */
export function listed<Item>(items: readonly Item[], describe: (item: Item) => string): string {
  const shown = items.slice(0, NAMES_MAX).map(describe).join(", ");
  return items.length > NAMES_MAX ? `${shown} and ${items.length - NAMES_MAX} more` : shown;
}
