/**
 * Start hint: what to do about a program that could not start, where its own
 * words tell. Pure.
 */
const HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /Cannot find (?:package|module) 'pilotlight/,
    "Node finds no package pilotlight from there: copy guest/process/pilotlight.mjs beside the file and import ./pilotlight.mjs, or install Pilotlight in its project by its path (npm install PATH)",
  ],
  [
    /No module named '?pilotlight/,
    "Python found no client, though it lies on PYTHONPATH: -I and -E make it look elsewhere; or copy guest/process/pilotlight.py beside the file",
  ],
  [
    /EADDRINUSE|Address already in use|address already in use/,
    "It listens on a port that is taken: it has to use that of PORT, which is another for each instance",
  ],
];

/** "" where nothing is known. */
export function startHint(errorLines: string): string {
  return HINTS.find(([pattern]) => pattern.test(errorLines))?.[1] ?? "";
}
