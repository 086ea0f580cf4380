/**
 * setpriv of util-linux: the one way for Node to ask the kernel that a process
 * be killed when its parent dies (PR_SET_PDEATHSIG). Workers and the processes of
 * functions are started through it. On the path from spawn to the first answer.
 */
import { readFileSync } from "node:fs";

const PLACES = ["/usr/bin/setpriv", "/bin/setpriv"];
export const PARENT_DEATH_OPTION = "--pdeathsig";

let found: string | null | undefined;

/** The setpriv of this machine; null where there is none that can do it. Looks once. */
export function setprivFile(): string | null {
  if (found === undefined) found = process.platform === "linux" ? (PLACES.find(canDo) ?? null) : null;
  return found;
}

/** BusyBox's and util-linux's before 2.33 don't know the option, and would refuse to start anything. */
function canDo(file: string): boolean {
  try {
    return readFileSync(file).includes(PARENT_DEATH_OPTION.slice(2));
  } catch {
    return false;
  }
}
