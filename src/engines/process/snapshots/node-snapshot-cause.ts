/**
 * Node snapshot cause: the one line that says why `node --build-snapshot` failed, found
 * in what it wrote to standard error: an exception with its place, or V8's account of an
 * object that it can't write. Pure. What Node says is not promised; a line that is
 * not known is shown as it is.
 */
const EXCEPTION = /^(?:Uncaught )?(?:\[?\w*Error\b.*|pilotlight: .*)$/;
/** Followed by the object's fields; Node's own objects name their owner there. */
const LIVE_OBJECT = /^global handle not serialized/;
const OWNER = /owner_symbol>: \S+ <(\w+) /;
/** Warnings about built-in modules, V8's frames and frills. */
const NOISE = /^(?:\(node:|\(Use |It may still|To request support|#|\d+: 0x|-+ |at |\^|$)/;

/** Null when it wrote nothing. */
export function causeIn(lines: readonly string[]): string | null {
  const said = lines.map((line) => line.trim());
  const exception = said.find((line) => EXCEPTION.test(line));
  if (exception !== undefined) return exception;
  if (said.some((line) => LIVE_OBJECT.test(line))) {
    const owner = said.map((line) => OWNER.exec(line)?.[1]).find((name) => name !== undefined);
    const what = owner === undefined ? "an object of Node's own" : `a ${owner}`;
    return `${what} is there before serve() is called that a snapshot can't hold (a socket, a server, a watcher, a Blob): make it at the first call`;
  }
  return said.find((line) => !NOISE.test(line)) ?? null;
}
