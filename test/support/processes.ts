/** Whether a process still runs, from the outside. A zombie counts as running until its parent has waited for it. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
