/** A way to make fake workers die at boot: a mark that a worker finds by its parent's id, since it inherits none of our variables. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

function markOf(supervisorPid: number): string {
  return join(tmpdir(), `pilotlight-boot-crash-${supervisorPid}`);
}

/** In the worker. */
export function isToCrash(): boolean {
  return existsSync(markOf(process.ppid));
}

/** In the test: every worker that is told to start meanwhile dies. */
export async function whileBootsCrash(work: () => Promise<void>): Promise<void> {
  writeFileSync(markOf(process.pid), "");
  try {
    await work();
  } finally {
    rmSync(markOf(process.pid), { force: true });
  }
}
