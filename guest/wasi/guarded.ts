/**
 * Guarded imports: what stands around every function that a guest can call. A
 * pointer out of its memory is its own mistake and gets an answer. What ends the
 * run leaves through the guest's frames as an exception; a guest compiled with
 * exceptions could catch it and go on, so the end is kept: every later call meets
 * it again, and so does whoever started the run.
 */
import { MAY_WAIT } from "./channel.ts";
import { OUTSIDE } from "./guest-memory.ts";
import type { GuestProcess } from "./guest-process.ts";

/** Some of Gojinn's give an i64, a bigint on this side. */
export type GuestFunction = (...args: never[]) => number | bigint | Promise<number | bigint>;

export const WAITS_TOO_EARLY =
  "its start function calls what may have to wait (kv, sql, blob, queue, lock, http, poll_oneoff), and nothing can wait before _start: call it from main";

/** Of a start function, which runs before there is an instance and thus a memory: told it as EFAULT, its module would load and do without. */
function needsMemoryTooEarly(name: string): string {
  return `its start function calls ${name}, which reads or writes its memory, and that is not known before _start: call it from main`;
}

/** `outside` is the answer to a pointer that leads out of the memory, before and after any waiting. */
export function guarded(guest: GuestProcess, name: string, run: GuestFunction, outside: number | bigint): GuestFunction {
  const call = (MAY_WAIT.has(name) ? onceStarted(guest, run) : run) as (...args: unknown[]) => number | bigint | Promise<number | bigint>;
  const refuse = (error: unknown): number | bigint => {
    if (error === OUTSIDE) return outside;
    guest.end ??= error;
    throw error;
  };
  // Nine arguments is the most that WASI passes; a rest parameter would cost an array for each call.
  return ((a: unknown, b: unknown, c: unknown, d: unknown, e: unknown, f: unknown, g: unknown, h: unknown, i: unknown) => {
    if (guest.end !== null) throw guest.end;
    try {
      const result = call(a, b, c, d, e, f, g, h, i);
      return result instanceof Promise ? result.catch(refuse) : result;
    } catch (error) {
      // Without a call: where the stack ended in ours there may be no room for another.
      if (error === OUTSIDE && !guest.isStarting) return outside;
      guest.end ??= error === OUTSIDE ? new Error(needsMemoryTooEarly(name)) : error;
      throw guest.end;
    }
  }) as GuestFunction;
}

/**
 * Of a start function, which nothing can suspend. Its memory is not known yet, so every pointer would lead out of it: answered
 * as that, a module would load, and do without what it asked for in every request.
 */
function onceStarted(guest: GuestProcess, run: GuestFunction): GuestFunction {
  return (...args) => {
    if (guest.isStarting) throw new Error(WAITS_TOO_EARLY);
    return run(...args);
  };
}
