/**
 * The command line as users start it: bin/pilotlight.js in a process of its
 * own. Bounded in time; nothing of the developer's own PILOTLIGHT_ variables
 * gets in.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

const BIN = join(import.meta.dirname, "../../bin/pilotlight.js");
const TIMEOUT_MS = 60_000;

export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function pilotlight(args: readonly string[], options: CliOptions): Promise<CliResult> {
  const child = startPilotlight(args, options);
  const kill = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  child.stdin?.end(options.input ?? "");
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    new Promise<number | null>((resolve) => child.once("close", resolve)),
  ]);
  clearTimeout(kill);
  return { status, stdout, stderr };
}

/** The caller ends it: by a signal, and by its id alone. */
export function startPilotlight(args: readonly string[], { cwd, env = {} }: CliOptions): ChildProcess {
  const own = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(?:PILOTLIGHT_|NODE_|FORCE_COLOR$|GOMAXPROCS$|GOMEMLIMIT$)/.test(name)),
  );
  return spawn(process.execPath, [BIN, ...args], { cwd, env: { ...own, NO_COLOR: "1", ...env }, stdio: ["pipe", "pipe", "pipe"] });
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) all += chunk;
  return all;
}
