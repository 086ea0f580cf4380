/**
 * The first worker, forked before the command line is even read: its boot is
 * most of the way to the first answer, and the rest can be done meanwhile.
 * Only a guess, made where it is nearly certain: a data folder that exists
 * already and that no file could rename. A wrong guess costs a process.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { WORKER_ENTRY_FILE, WorkerProcess } from "../serve/worker-process.ts";

export interface Prefork {
  /** The worker, when it was started for this data folder; ends it otherwise. */
  take(dataDir: string): WorkerProcess | null;
  /** Nobody needs it. */
  drop(): void;
}

/** Null when a guess would not be safe. `args` are those after the command's name. */
export function preforkWorker(args: readonly string[], env: Readonly<Record<string, string | undefined>>, cwd: string): Prefork | null {
  // Words that give the worker other folders to write to, or need no worker at all.
  if (args.some((arg) => /^--(?:help|config|record)\b/.test(arg))) return null;
  const dataDir = resolve(cwd, flagValue(args, "--data-dir") ?? (env["PILOTLIGHT_DATA_DIR"] || ".pilotlight"));
  if (!statSync(dataDir, { throwIfNoEntry: false })?.isDirectory()) return null;
  let worker: WorkerProcess | null = new WorkerProcess({ entryFile: WORKER_ENTRY_FILE, dataDir });
  const drop = (): void => {
    worker?.kill();
    worker = null;
  };
  return {
    take(wanted) {
      if (wanted !== dataDir) drop();
      const taken = worker;
      worker = null;
      return taken;
    },
    drop,
  };
}

function flagValue(args: readonly string[], name: string): string | undefined {
  const index = args.indexOf(name);
  return index === -1 ? args.find((arg) => arg.startsWith(`${name}=`))?.slice(name.length + 1) : args[index + 1];
}
