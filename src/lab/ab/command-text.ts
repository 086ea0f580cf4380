/**
 * What stands behind --a and --b: a command as one types it, with {port} where
 * its port goes. Plain words are started as they are; whatever needs a shell
 * (variables, pipes, assignments) is given to /bin/sh. Starting a shell for
 * every command would count it into boot time and memory.
 */
import { fail, ok, type Result } from "../../base/result.ts";

/** Program and arguments that serve on 127.0.0.1:port. */
export type CommandFor = (port: number) => readonly string[];

const PORT = "{port}";
const SHELL_CHARACTERS = /[$`|&;<>()*?[\]~#!\n]|^[A-Za-z_]\w*=/;

export function parseCommand(text: string): Result<CommandFor, string> {
  if (text.trim() === "") return fail("is empty. Write the command that starts the server, with {port} for its port");
  if (!text.includes(PORT)) return fail(`"${text}" does not say {port}. Write {port} where the command takes its port`);
  if (needsShell(text)) return ok((port) => ["/bin/sh", "-c", text.replaceAll(PORT, String(port))]);
  const words = splitWords(text);
  if (words === null) return fail(`"${text}" has a quote that is not closed`);
  return ok((port) => words.map((word) => word.replaceAll(PORT, String(port))));
}

/** Outside single quotes, where a shell would read nothing either. */
function needsShell(text: string): boolean {
  return SHELL_CHARACTERS.test(text.trimStart().replaceAll(/'[^']*'/g, ""));
}

/** Words by the shell's rules of quoting; null when a quote stays open. */
function splitWords(text: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char === "\\" && quote !== "'" && at + 1 < text.length) {
      const next = text[++at]!;
      // Within double quotes a backslash means something only before these.
      word = `${word ?? ""}${quote === '"' && !/["\\$`]/.test(next) ? char : ""}${next}`;
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return null;
  return word === null ? words : [...words, word];
}
