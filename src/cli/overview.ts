/** What `pilotlight --help` prints: the commands by purpose, and where to begin. */
import { COMMANDS } from "./commands.ts";

export function overview(): string {
  const entries = Object.entries(COMMANDS);
  const width = Math.max(...entries.map(([name]) => name.length)) + 3;
  const groups = [...Map.groupBy(entries, ([, entry]) => entry.group)].map(([group, members]) =>
    [`${group}:`, ...members.map(([name, entry]) => `  ${name.padEnd(width)}${entry.summary}`)].join("\n"),
  );
  return `${[
    "Usage: pilotlight COMMAND [flags]",
    ...groups,
    [
      "Begin with:",
      "  pilotlight init hello && cd hello && npm install && npx pilotlight dev",
      "  pilotlight serve -e 'export default () => new Response(\"hi\")'",
    ].join("\n"),
    "pilotlight COMMAND --help tells the flags of one; pilotlight -v the version.",
  ].join("\n\n")}\n`;
}
