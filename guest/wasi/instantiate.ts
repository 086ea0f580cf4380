/**
 * Instantiate: a new instance of a module, which runs its start function. That
 * runs before anything can be suspended, and before its memory is known: there a
 * call that may have to wait ends the run whatever it is handed (guarded.ts). V8
 * ends it itself where the import may suspend, and what it says of that is about
 * JavaScript that the guest's author never wrote.
 */
import { WAITS_TOO_EARLY } from "./guarded.ts";
import type { GuestProcess } from "./guest-process.ts";
import { type Exports, type Imports, type Module, webAssembly } from "./webassembly.ts";

/** Throws what the start function throws, or a LinkError. */
export function instantiate(module: Module, imports: Imports, guest: GuestProcess): Exports {
  const { Instance, SuspendError } = webAssembly();
  guest.isStarting = true;
  try {
    return new Instance(module, imports).exports;
  } catch (error) {
    if (!(error instanceof SuspendError)) throw error;
    const told = new Error(WAITS_TOO_EARLY);
    // The guest's frames are those of the error that it met.
    told.stack = `${told}\n${error.stack?.split("\n").slice(1).join("\n")}`;
    throw told;
  } finally {
    guest.isStarting = false;
  }
}
