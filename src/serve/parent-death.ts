/**
 * Parent death: a worker that is stuck in a built-in can't notice that its
 * supervisor was killed, and would hold the port for ever. On Linux the kernel
 * is asked to kill it then (PR_SET_PDEATHSIG), by way of util-linux's setpriv,
 * as Node can't ask. Where there is none, only a worker whose loop turns ends
 * with its supervisor (worker-main.ts); so does one whose supervisor died
 * before setpriv could ask.
 * On the path from spawn to the first answer.
 */
import { readFileSync } from "node:fs";

export interface Command {
  readonly execPath: string;
  readonly execArgv: string[];
}

const PLACES = ["/usr/bin/setpriv", "/bin/setpriv"];
const OPTION = "pdeathsig";

let found: string | null | undefined;

/** The setpriv of this machine; null where there is none that can do it. Looks once. */
export function setprivFile(): string | null {
  if (found === undefined) found = process.platform === "linux" ? (PLACES.find(canDo) ?? null) : null;
  return found;
}

/** `node` with `flags`, so that it is killed when the thread that forks it ends. Its pid is the fork's own: setpriv becomes Node. */
export function untilParentDies(node: string, flags: readonly string[], setpriv: string | null = setprivFile()): Command {
  if (setpriv === null) return { execPath: node, execArgv: [...flags] };
  return { execPath: setpriv, execArgv: [`--${OPTION}`, "KILL", "--", node, ...flags] };
}

/** BusyBox's and util-linux's before 2.33 don't know the option, and would refuse to start any worker. */
function canDo(file: string): boolean {
  try {
    return readFileSync(file).includes(OPTION);
  } catch {
    return false;
  }
}
