/**
 * Parent death: a worker that is stuck in a built-in can't notice that its
 * supervisor was killed, and would hold the port for ever. On Linux the kernel
 * is asked to kill it then, by way of setpriv (base/setpriv.ts). Where there is
 * none, only a worker whose loop turns ends with its supervisor
 * (worker-main.ts); so does one whose supervisor died before setpriv could ask.
 * On the path from spawn to the first answer.
 */
import { PARENT_DEATH_OPTION, setprivFile } from "../base/setpriv.ts";

export interface Command {
  readonly execPath: string;
  readonly execArgv: string[];
}

/** `node` with `flags`, so that it is killed when the thread that forks it ends. Its pid is the fork's own: setpriv becomes Node. */
export function untilParentDies(node: string, flags: readonly string[], setpriv: string | null = setprivFile()): Command {
  if (setpriv === null) return { execPath: node, execArgv: [...flags] };
  return { execPath: setpriv, execArgv: [PARENT_DEATH_OPTION, "KILL", "--", node, ...flags] };
}
