/**
 * Failure log: a failure of an index is one line, however many meet it. The
 * line to the index, the walk that wants a page, and every client that waits
 * for it are handed the same value; who knows of it first tells it, as `failure`
 * among the fields of its line, and the others' lines of it are left out.
 */
import type { MirrorFailure } from "./failures.ts";
import type { MirrorLog } from "./log.ts";

export function oncePerFailure(log: MirrorLog): MirrorLog {
  const told = new WeakSet<object>();
  return (level, message, fields = {}) => {
    const { failure, ...others } = fields as { readonly failure?: MirrorFailure };
    if (failure === undefined) {
      log(level, message, fields);
      return;
    }
    if (told.has(failure)) return;
    told.add(failure);
    log(level, message, { ...others, code: failure.code });
  };
}
