/**
 * The command line's entry: finds the command by its name and runs it. Only
 * what the command needs is loaded, because `serve` is measured from spawn to
 * its first answer. Called by bin/pilotlight.js.
 */

import { didYouMean } from "./base/suggest.ts";
import { type Io, runCommand } from "./cli/command.ts";
import { COMMANDS, type CommandName } from "./cli/commands.ts";
import type { Prefork } from "./cli/prefork.ts";

export async function main(args: readonly string[]): Promise<void> {
  // A reader that goes away early (`pilotlight logs | head`) is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const io: Io = { env: process.env, cwd: process.cwd(), stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
  process.exitCode = await dispatch(args, io);
}

async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = args;
  if (first === undefined || first === "--help" || (first === "help" && rest.length === 0)) {
    const { overview } = await import("./cli/overview.ts");
    io.stdout.write(overview());
    return 0;
  }
  if (first === "--version" || first === "-v") {
    const { version } = await import("./base/version.ts");
    io.stdout.write(`${version()}\n`);
    return 0;
  }
  if (first === "help") return dispatch([rest[0]!, "--help"], io);
  if (!Object.hasOwn(COMMANDS, first)) {
    io.stderr.write(`pilotlight: ${unknownCommand(first)}\n`);
    return 2;
  }
  const prefork = first === "serve" || first === "dev" ? await beginPrefork(rest, io) : null;
  const command = await COMMANDS[first as CommandName].load();
  try {
    return await runCommand(command, rest, { ...io, prefork });
  } finally {
    prefork?.drop();
  }
}

/** Before anything else is loaded: the worker boots on one processor while we read the configuration on another. */
async function beginPrefork(args: readonly string[], { env, cwd }: Io): Promise<Prefork | null> {
  const { preforkWorker } = await import("./cli/prefork.ts");
  return preforkWorker(args, env, cwd);
}

function unknownCommand(name: string): string {
  const looksLikePath = /[./]/.test(name);
  if (looksLikePath) return `Unknown command "${name}". To serve it: pilotlight serve ${name}`;
  const suggestion = didYouMean(name, Object.keys(COMMANDS));
  return `Unknown command "${name}".${suggestion || " See pilotlight --help"}`;
}
