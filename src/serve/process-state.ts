/**
 * Process state: is a process suspended? What somebody has stopped (SIGSTOP, a
 * debugger) is as silent as what is stuck, and no function's fault.
 */
import { readFileSync } from "node:fs";

/** False where the system does not say. */
export function isSuspended(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // proc(5): "pid (name) state …", and a name may hold parentheses itself.
    return /^[Tt]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}
