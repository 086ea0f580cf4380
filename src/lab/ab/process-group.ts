/**
 * A command in a process group of its own, and its certain end: SIGTERM, a
 * grace, SIGKILL, until nothing of it is left. Kills by id alone: the group's,
 * and those of processes that left the group. If we die first, the guard
 * ends it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fail, ok, type Result } from "../../base/result.ts";
import { printable } from "../../base/terminal.ts";
import { type Guard, startGuard } from "./guard.ts";
import { type Belonging, MARK_VARIABLE, membersOf } from "./processes.ts";

const TERM_GRACE_MS = 3_000;
const KILL_GRACE_MS = 5_000;
const CHECK_INTERVAL_MS = 20;
const SAID_KEPT_BYTES = 4_000;
const SAID_LINES = 3;
const ERROR_WORDS = /[Ee]rror:|[Ff]atal|FATAL|panic|[Ee]xception|\bE[A-Z]{4,}\b/;

export interface ProcessGroup extends Belonging {
  /** performance.now() just before the spawn. */
  readonly spawnedAtMs: number;
  /** How the first process ended; null while it runs. */
  exit(): string | null;
  /** The last lines of standard error, or of standard output when that is all there is, in one line. */
  lastWords(): string;
  /** False when something survived even SIGKILL (a process in uninterruptible sleep). */
  stop(): Promise<boolean>;
}

/** The fault is a phrase that follows "<label> ". */
export async function startGroup(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Result<ProcessGroup, string>> {
  const mark = randomUUID();
  const guard = startGuard(mark);
  const [program, ...args] = command as [string, ...string[]];
  const spawnedAtMs = performance.now();
  const child = spawn(program, args, { env: { ...env, [MARK_VARIABLE]: mark }, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const said = keepLast(child);
  const { pid } = child;
  if (pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once("error", resolve));
    guard.dismiss();
    return fail(`can't be started: ${error.message}`);
  }
  guard.watch(pid);
  child.on("error", () => {});
  const belonging: Belonging = { pid, mark, known: new Map() };
  let ending: Promise<boolean> | null = null;
  return ok({
    ...belonging,
    spawnedAtMs,
    exit: () => exitOf(child),
    lastWords: () => lastLines(said.stderr) || lastLines(said.stdout),
    stop: () => {
      ending ??= end(child, belonging, guard);
      return ending;
    },
  });
}

function exitOf({ exitCode, signalCode }: ChildProcess): string | null {
  if (signalCode !== null) return `was ended by ${signalCode}`;
  return exitCode === null ? null : `exited with ${exitCode}`;
}

async function end(child: ChildProcess, belonging: Belonging, guard: Guard): Promise<boolean> {
  const gone = (await signalUntilGone(belonging, "SIGTERM", TERM_GRACE_MS)) || (await signalUntilGone(belonging, "SIGKILL", KILL_GRACE_MS));
  // Whoever holds our pipes still would keep this process alive.
  child.stdout?.destroy();
  child.stderr?.destroy();
  // What survived stays the guard's: it tries once more when we end.
  if (!gone) return false;
  guard.dismiss();
  // How it ended is known when our runtime has been told too.
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return gone;
}

async function signalUntilGone(belonging: Belonging, signal: "SIGTERM" | "SIGKILL", graceMs: number): Promise<boolean> {
  const deadlineMs = performance.now() + graceMs;
  const told = new Set<number>();
  for (;;) {
    const living = membersOf(belonging).filter(({ state }) => state !== "Z" && state !== "X");
    if (living.length === 0) return true;
    if (performance.now() > deadlineMs) return false;
    // Again for whatever was forked meanwhile; once is enough for each, SIGTERM handlers count signals.
    for (const { pid } of living) if (!told.has(pid) || signal === "SIGKILL") send(pid, signal);
    for (const { pid } of living) told.add(pid);
    await new Promise((resolve) => setTimeout(resolve, CHECK_INTERVAL_MS));
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

function keepLast(child: ChildProcess): { stdout: string; stderr: string } {
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("error", () => {});
    child[name]?.on("data", (chunk: Buffer) => {
      said[name] = (said[name] + chunk.toString()).slice(-SAID_KEPT_BYTES);
    });
  }
  return said;
}

/** The last lines, led by the one that names the error: a runtime's stack trace often pushes it out of sight. */
function lastLines(text: string): string {
  const lines = text.split("\n").flatMap((line) => line.trim() || []);
  const last = lines.slice(-SAID_LINES);
  const error = lines.slice(0, -SAID_LINES).find((line) => ERROR_WORDS.test(line));
  return (error === undefined ? last : [error, "...", ...last]).map(printable).join(" | ");
}
