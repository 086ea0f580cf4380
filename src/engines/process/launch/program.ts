/**
 * Program: what is to be executed for a function, found and looked at before it
 * is started. The system's own words for a script whose interpreter is missing
 * are "no such file" about a file that is there; through the shell that holds a
 * process they would come as an exit code. So what can be known is known before.
 * Reads first bytes only, and runs nothing.
 */
import { accessSync, closeSync, constants, openSync, readdirSync, readSync, type Stats, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import { type ElfFacts, readElf } from "./elf.ts";
import type { LaunchFailure } from "./launched.ts";
import { readShebang } from "./shebang.ts";

export interface Program {
  /** Absolute. */
  readonly file: string;
  readonly args: readonly string[];
}

export interface ProgramParts {
  readonly functionId: string;
  /** The function's own file, absolute. */
  readonly functionFile: string;
  /** Of its settings; null runs the file. */
  readonly command: readonly string[] | null;
  /** For {port}; 0 for none. */
  readonly port: number;
  /** PATH of the process: that of the server need not be the same. */
  readonly searchPath: string;
}

/** As the kernel: a script's interpreter may be a script, a few times. */
const INTERPRETER_DEPTH_MAX = 4;
const HEAD_BYTES = 4_096;

export function findProgram(parts: ProgramParts): Result<Program, LaunchFailure> {
  const words = (parts.command ?? [parts.functionFile]).map((word) => filledIn(word, parts));
  const [word, ...args] = words as [string, ...string[]];
  const isOwnFile = parts.command === null;
  const file = isOwnFile ? parts.functionFile : located(word, dirname(parts.functionFile), parts.searchPath);
  if (file === null) {
    const message = `Cannot start ${parts.functionId}: there is no program ${word} in PATH (${parts.searchPath}); install it, or mend its command`;
    return fail({ code: "NO_INTERPRETER", message });
  }
  const fault = faultOf(file, parts.searchPath, 0);
  if (fault === null) return ok({ file, args });
  return fail({ code: fault.code, message: `Cannot start ${parts.functionId}: ${fault.message}` });
}

function filledIn(word: string, { functionFile, port }: ProgramParts): string {
  return word.replaceAll("{file}", () => functionFile).replaceAll("{port}", String(port));
}

/** A name is looked for in PATH, a path from the folder of the function's file. */
function located(word: string, folder: string, searchPath: string): string | null {
  if (word.includes("/")) return resolve(folder, word);
  for (const place of searchPath.split(":")) {
    const file = join(place === "" ? folder : place, word);
    if (isAbsolute(file) && isExecutableFile(file)) return file;
  }
  return null;
}

/** Why the kernel would refuse it, in words that say what to do. */
function faultOf(file: string, searchPath: string, depth: number): LaunchFailure | null {
  const stats = statOf(file);
  if (stats === null) return noFile(file, depth);
  if (!stats.isFile()) return notExecutable(`${file} is no regular file`);
  if (!mayExecute(file)) return notExecutable(`${file} is not executable; chmod +x ${file}`);
  if (process.platform !== "linux") return null;
  const head = headOf(file);
  // It may be executed and not read: the kernel will say.
  if (head === null) return null;
  if (head.length === 0) return notExecutable(`${file} is empty`);
  const elf = readElf(head);
  if (elf !== null) return elfFault(file, elf);
  const shebang = readShebang(head);
  if (shebang === null)
    return hasForeignFormats()
      ? null
      : notExecutable(
          `${file} is neither a program for this system nor a script: its first line has to begin with #! and its interpreter, such as #!/usr/bin/env python3`,
        );
  if (shebang.endsWithCarriageReturn)
    return noInterpreter(
      `the first line of ${file} ends with a carriage return, which becomes part of the interpreter's name; save it with line feeds alone (sed -i 's/\\r$//' ${file})`,
    );
  if (depth >= INTERPRETER_DEPTH_MAX) return noInterpreter(`${file} is a script of a script, more than ${INTERPRETER_DEPTH_MAX} times`);
  const { interpreter, searched } = shebang;
  if (interpreter === "") return noInterpreter(`the first line of ${file} is #! without an interpreter`);
  if (statOf(interpreter) === null)
    return noInterpreter(`${file} wants ${interpreter}, which is not there; install it, or mend the file's first line`);
  if (searched !== null && basename(interpreter) === "env") {
    const found = located(searched, dirname(file), searchPath);
    if (found === null)
      return noInterpreter(
        `${file} wants ${searched}, and there is none in PATH (${searchPath}); install it, or mend the file's first line`,
      );
    return faultOf(found, searchPath, depth + 1);
  }
  return faultOf(interpreter, searchPath, depth + 1);
}

function elfFault(file: string, elf: ElfFacts): LaunchFailure | null {
  if (elf.machine !== null && elf.machine !== process.arch && !hasForeignFormats())
    return notExecutable(`${file} is a program for ${elf.machine}, and this machine is ${process.arch}; build it for this machine`);
  if (elf.interpreter !== null && statOf(elf.interpreter) === null)
    return noInterpreter(
      `${file} needs the loader ${elf.interpreter}, which is not there: it was built for another C library; build it here, or statically`,
    );
  return null;
}

function noFile(file: string, depth: number): LaunchFailure {
  return depth === 0 ? notExecutable(`there is no file ${file}`) : noInterpreter(`there is no file ${file}`);
}

function notExecutable(message: string): LaunchFailure {
  return { code: "NOT_EXECUTABLE", message };
}

function noInterpreter(message: string): LaunchFailure {
  return { code: "NO_INTERPRETER", message };
}

function isExecutableFile(file: string): boolean {
  return statOf(file)?.isFile() === true && mayExecute(file);
}

function mayExecute(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function statOf(file: string): Stats | null {
  try {
    return statSync(file, { throwIfNoEntry: false }) ?? null;
  } catch {
    // A file in place of a folder on its way, a loop of links, a name too long: not there.
    return null;
  }
}

function headOf(file: string): Buffer | null {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    return null;
  }
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(descriptor, head, 0, HEAD_BYTES, 0));
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}

/** Formats that somebody taught the kernel (binfmt_misc: emulators, Wine, Wasm): what looks foreign may run. */
function hasForeignFormats(): boolean {
  try {
    return readdirSync("/proc/sys/fs/binfmt_misc").some((name) => name !== "register" && name !== "status");
  } catch {
    return false;
  }
}
