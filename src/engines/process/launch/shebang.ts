/**
 * Shebang: the first line of a script as Linux reads it (execve(2),
 * "Interpreter scripts"): an interpreter and at most one argument, 256 bytes at
 * most; and, for env, the program that env looks for. Pure.
 */
export interface Shebang {
  readonly interpreter: string;
  /** What `env` would look for in PATH: of "/usr/bin/env -S FOO=1 ruby -w" it is "ruby"; null for other interpreters' arguments that are no names. */
  readonly searched: string | null;
  readonly endsWithCarriageReturn: boolean;
}

/** BINPRM_BUF_SIZE of the kernel. */
const LINE_MAX_BYTES = 256;

/** Null for what does not begin with "#!". */
export function readShebang(head: Buffer): Shebang | null {
  if (head[0] !== 0x23 || head[1] !== 0x21) return null;
  const line = head.toString("latin1", 2, LINE_MAX_BYTES).split("\n", 1)[0]!;
  const words = line.split(/[ \t\r]+/).filter((word) => word !== "");
  const [interpreter = "", ...args] = words;
  return { interpreter, searched: searchedBy(args), endsWithCarriageReturn: line.endsWith("\r") };
}

/** Options of env with a value of their own. */
const VALUED = new Set(["-u", "--unset", "-C", "--chdir"]);

function searchedBy(args: readonly string[]): string | null {
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    if (VALUED.has(word)) at++;
    else if (word.startsWith("-S") && word.length > 2) return searchedBy([word.slice(2), ...args.slice(at + 1)]);
    else if (!word.startsWith("-") && !word.includes("=")) return word;
  }
  return null;
}
