/**
 * Instantiate: a new instance of a module, which runs its start function. That
 * runs before anything can be suspended, and what V8 says of a guest that would
 * have to wait there is about JavaScript that the guest's author never wrote.
 */
import { MustWait } from "./guest-process.ts";
import { type Exports, type Imports, type Module, webAssembly } from "./webassembly.ts";

const WAITS_TOO_EARLY =
  "its start function calls what may have to wait (kv, sql, blob, queue, lock, http, poll_oneoff), and nothing can wait before _start: call it from main";

/** Throws what the start function throws, or a LinkError. */
export function instantiate(module: Module, imports: Imports): Exports {
  const { Instance, SuspendError } = webAssembly();
  try {
    return new Instance(module, imports).exports;
  } catch (error) {
    if (error instanceof MustWait) throw new Error(WAITS_TOO_EARLY);
    if (!(error instanceof SuspendError)) throw error;
    const told = new Error(WAITS_TOO_EARLY);
    // The guest's frames are those of the error that it met.
    told.stack = `${told}\n${error.stack?.split("\n").slice(1).join("\n")}`;
    throw told;
  }
}
