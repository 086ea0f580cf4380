import { readFileSync } from "node:fs";

/** Whether a process still runs, from the outside. A zombie counts as running until its parent has waited for it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The same for one whose parent may be slow to wait for it (a container's first process): a zombie is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return false;
  }
}
