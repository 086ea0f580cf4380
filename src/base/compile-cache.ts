/**
 * Compile cache: compiled code and erased types, kept between runs; turned on
 * by bin/pilotlight.js. Node writes it when a process ends by itself and starts
 * each thread without it (nodejs.org/api/module.html): this sees to the others.
 */
import { dirname } from "node:path";

/** Of quiet after a start: writing it must not delay the first answers. */
const WRITE_AFTER_MS = 5_000;

const nodeModule = process.getBuiltinModule("node:module");

/** Environment of a thread that uses the cache, too: of 130 ms until the page thread's first answer from sources, 75 were erasing types. */
export function threadEnv(): NodeJS.ProcessEnv {
  const folder = nodeModule.getCompileCacheDir();
  // The variable names the folder in which each version of Node has one of its own.
  return folder === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(folder) };
}

/** Of this process or thread. One that is always ended by SIGKILL would never write it. */
export function keepCompiledCode(): void {
  setTimeout(() => nodeModule.flushCompileCache(), WRITE_AFTER_MS).unref();
}
