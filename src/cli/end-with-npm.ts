/**
 * npm and npx start commands through a shell, which dies of a SIGTERM meant
 * for us without passing it on. Being adopted by another parent is the signal.
 */
import type { Io } from "./command.ts";

const PARENT_LOOK_MS = 500;

export function endWithNpm({ env }: Pick<Io, "env">): void {
  if (env["npm_command"] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, PARENT_LOOK_MS).unref();
}
