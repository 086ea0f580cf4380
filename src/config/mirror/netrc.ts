/**
 * netrc: user and password by host, in the file that pip, uv and curl look
 * into for an index that names none. The format is that of GNU inetutils:
 * words between blanks, in quotes where they hold some, macros up to an empty
 * line. Pure; which file it is, and whether it counts, is the caller's affair.
 */

export interface NetrcEntry {
  /** Null is the entry for every other host. */
  readonly host: string | null;
  readonly login: string;
  readonly password: string;
}

export function parseNetrc(text: string): readonly NetrcEntry[] {
  const entries: { host: string | null; login: string; password: string }[] = [];
  const words = wordsOf(withoutMacros(text));
  for (let index = 0; index < words.length; ) {
    const word = words[index++]!;
    const entry = entries.at(-1);
    if (word === "default") entries.push({ host: null, login: "", password: "" });
    else if (word === "machine") entries.push({ host: (words[index++] ?? "").toLowerCase(), login: "", password: "" });
    else if (entry !== undefined && (word === "login" || word === "user")) entry.login = words[index++] ?? "";
    else if (entry !== undefined && word === "password") entry.password = words[index++] ?? "";
    else if (word === "account") index++;
  }
  return entries;
}

/** The first entry of the host, and of no other. */
export function netrcEntryOf(entries: readonly NetrcEntry[], host: string): NetrcEntry | null {
  return entries.find((entry) => entry.host === host.toLowerCase()) ?? null;
}

/** A macro's lines may hold anything, words of ours included. */
function withoutMacros(text: string): string {
  return text.replace(/^[ \t]*macdef\b[\s\S]*?(?:\r?\n[ \t]*\r?\n|$(?![\s\S]))/gm, "\n");
}

/** A "#" begins a comment where a line does; a password may begin with one, too. */
function wordsOf(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    if (/^\s*#/.test(line)) return [];
    return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
      quoted === undefined ? plain! : quoted.replace(/\\(.)/g, "$1"),
    );
  });
}
