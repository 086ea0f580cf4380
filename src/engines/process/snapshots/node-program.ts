/**
 * Node program: whether what is executed for a function is Node with the
 * function's file, and how it is executed with something else in between. Pure.
 */
import { basename, extname } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import type { Program } from "../launch/program.ts";

export interface NodeProgram {
  /** Node, or env that finds it, and its own flags. */
  readonly command: readonly [string, ...string[]];
  /** The function's file. */
  readonly script: string;
  /** The function's own arguments. */
  readonly args: readonly string[];
}

const EXTENSIONS = new Set(["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"]);
const NODE = /^node(?:js)?(?:[0-9.]*)$/;

/** `head`: the first bytes of the program's file. The fault is a phrase. */
export function nodeProgramOf({ file, args }: Program, head: string, functionFile: string): Result<NodeProgram, string> {
  if (!EXTENSIONS.has(extname(functionFile))) return fail(`it is no program for Node (${basename(functionFile)})`);
  const shebang = /^#!\s*(\S+)[ \t]*(.*?)\s*$/m.exec(head.startsWith("#!") ? head.split("\n", 1)[0]! : "");
  if (shebang !== null && file === functionFile) {
    const [, interpreter = "", argument = ""] = shebang;
    if (!namesNode(interpreter, argument))
      return fail(`it is no program for Node: its first line names ${basename(interpreter)}${argument === "" ? "" : ` ${argument}`}`);
    // As the kernel does: all that follows the interpreter is one argument.
    return ok({ command: argument === "" ? [interpreter] : [interpreter, argument], script: file, args });
  }
  const at = args.indexOf(functionFile);
  if (!NODE.test(basename(file)) || at === -1) return fail(`it is no program for Node: it is started by ${basename(file)}`);
  return ok({ command: [file, ...args.slice(0, at)], script: functionFile, args: args.slice(at + 1) });
}

/** `/usr/bin/node`, `/usr/bin/env node`, `/usr/bin/env -S node --flag`. */
function namesNode(interpreter: string, argument: string): boolean {
  if (basename(interpreter) !== "env") return NODE.test(basename(interpreter));
  const words = argument.replace(/^-S\s*/, "").split(/\s+/);
  const first = words.find((word) => !word.includes("="));
  return first !== undefined && NODE.test(basename(first));
}
