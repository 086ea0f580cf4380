/**
 * `pilotlight run MODULE.wasm`: runs a WASI command as if it were a program
 * here. Standard streams and the exit code are the guest's; the machine's files
 * and environment are not, but for what is given by name.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { resolve } from "node:path";
import type { Writable } from "node:stream";
import { programFile } from "../base/package-files.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { formatSize, GIB, parseSize } from "../base/units.ts";
import { HELP_FLAG } from "../config/flags.ts";
import { statOrNull } from "../config/source.ts";
import { V8_FLAGS } from "../engines/isolate/v8-flags.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, printFailures } from "./command.ts";
import type { RunJob } from "./run-child.ts";

const WASI = "WASI";
/** What 32-bit linear memory can have. */
const MEMORY_MAX_BYTES = 4 * GIB;
/** Nobody has built this module before, and what is wrong with it should be told before it runs. */
const VALIDATES_FIRST = ["--no-wasm-lazy-validation"];
const SIGNAL_EXIT_BASE = 128;
/** The job is small; it goes by a pipe of its own because arguments are shown to every user of the machine. */
const JOB_DESCRIPTOR = 3;

export const run: Command = {
  name: "run",
  usage: "MODULE.wasm [flags] [--] [ARGS...]",
  about:
    "Runs a WebAssembly command (WASI preview 1). Standard input, output, error and the exit code are the guest's; a trap\nends with 134. It sees no files, no environment and no network but what is named here.",
  flags: [
    { name: "dir", value: "HOST::GUEST", group: WASI, help: "a folder it may use, and its name there; may be repeated", repeatable: true },
    { name: "env", value: "K=V", group: WASI, help: "a variable of its environment; may be repeated", repeatable: true },
    { name: "memory", short: "m", value: "SIZE", group: WASI, help: "most linear memory", shown: formatSize(MEMORY_MAX_BYTES) },
    HELP_FLAG,
  ],
  positionalMaxCount: Number.POSITIVE_INFINITY,
  examples: [
    ["pilotlight run hello.wasm", "a program that prints"],
    ["pilotlight run tool.wasm --dir ./data::/data -- --sort /data/in.csv", "with a folder, and arguments that begin with a dash"],
    ["echo '{}' | pilotlight run order.wasm --env TZ=UTC", "input from a pipe"],
  ],
  run: runModule,
};

async function runModule(call: Call): Promise<number> {
  const job = readJob(call);
  if (!job.ok) {
    printFailures("run", job.failure, call.io);
    return EXIT_MISUSE;
  }
  const child = spawn(process.execPath, [...V8_FLAGS, ...VALIDATES_FIRST, programFile("cli/run-child")], {
    stdio: ["inherit", "inherit", "inherit", "pipe"],
    env: { NODE_COMPILE_CACHE: call.io.env["NODE_COMPILE_CACHE"] },
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, forward);
  const input = child.stdio[JOB_DESCRIPTOR] as Writable;
  input.on("error", () => {});
  input.end(JSON.stringify(job.value));
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code ?? SIGNAL_EXIT_BASE + constants.signals[signal!];
  } catch (error) {
    call.io.stderr.write(`pilotlight run: Cannot start a process: ${(error as Error).message}\n`);
    return EXIT_FAILED;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, forward);
  }
}

function readJob({ flags, flag, io }: Call): Result<RunJob, Failure[]> {
  const [module = "", ...args] = flags.positionals;
  const failures: Failure[] = [];
  const wrong = (code: string, message: string, hint: string): void => void failures.push({ code, message, hint });
  if (module === "") {
    wrong("NO_MODULE", "No module is named", "Write: pilotlight run MODULE.wasm");
    return fail(failures);
  }
  const file = resolve(io.cwd, module);
  if (!statOrNull(file)?.isFile()) wrong("NO_MODULE", `${module} is not a file`, "Give the path of a .wasm file");
  const folders = (flags.values.get("dir") ?? []).map((text) => {
    const [hostPath = "", guestName = hostPath] = text.split("::");
    const path = resolve(io.cwd, hostPath);
    if (hostPath === "") wrong("NOT_A_FOLDER", `--dir "${text}" names no folder of this machine`, "Write: --dir HOST::GUEST");
    else if (!statOrNull(path)?.isDirectory())
      wrong("NOT_A_FOLDER", `--dir "${text}": ${hostPath} is not a folder`, "Write: --dir HOST::GUEST");
    return { hostPath: path, guestName, isWritable: true };
  });
  const environ = (flags.values.get("env") ?? []).map((text) => {
    if (!/^[^=]+=/.test(text)) wrong("NOT_A_PAIR", `--env "${text}" is not NAME=VALUE`, "Write: --env NAME=VALUE");
    return text;
  });
  const memory = parseSize(flag("memory") ?? String(MEMORY_MAX_BYTES));
  if (!memory.ok || memory.value === 0) wrong("NOT_A_SIZE", `--memory "${flag("memory")}" is not a size`, "Write it as 64m or 1g");
  if (failures.length > 0 || !memory.ok) return fail(failures);
  return ok({ name: module, file, args: [module, ...args], environ, folders, memoryMaxBytes: memory.value });
}
