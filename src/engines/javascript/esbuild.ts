/**
 * esbuild, loaded at the first build and let go again: its service process
 * takes some 30 MB, and a server whose bundles all come from the cache never
 * needs it. Only this file imports the package.
 */
type Esbuild = typeof import("esbuild");

/** A save in `dev` is usually followed by another within this time. */
const IDLE_STOP_MS = 20_000;
/** Each of some builds that hang may end the service under another one. */
const ATTEMPT_MAX_COUNT = 4;

let buildsInFlight = 0;
let idleTimer: NodeJS.Timeout | undefined;
/** Of the builds that run: when the service is stopped, the package lets them wait for ever. */
const interruptions = new Set<(reason: Error) => void>();
/** Counts the services that were stopped under builds. */
let generation = 0;

/**
 * Runs `work` with esbuild loaded; the service ends when nothing was built for
 * a while. Rejects with the signal's reason once that is aborted: esbuild can't
 * give up one build, so its process is ended and the builds of others begin anew.
 */
export async function withEsbuild<Value>(work: (esbuild: Esbuild) => Promise<Value>, signal?: AbortSignal): Promise<Value> {
  clearTimeout(idleTimer);
  buildsInFlight++;
  try {
    const esbuild = await import("esbuild");
    signal?.throwIfAborted();
    const interrupt = (): void => interruptBuilds(esbuild);
    signal?.addEventListener("abort", interrupt);
    try {
      for (let attempt = 1; ; attempt++) {
        const service = generation;
        try {
          return await interruptible(work(esbuild));
        } catch (error) {
          signal?.throwIfAborted();
          if (attempt === ATTEMPT_MAX_COUNT || !/service (?:is no longer running|was stopped)/i.test(String(error))) throw error;
          // Its process was killed under us: the package starts another only after stop().
          if (service === generation) interruptBuilds(esbuild);
        }
      }
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
  } finally {
    buildsInFlight--;
    if (buildsInFlight === 0) idleTimer = setTimeout(stopWhenIdle, IDLE_STOP_MS).unref();
  }
}

function interruptible<Value>(work: Promise<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    interruptions.add(reject);
    work.then(resolve, reject).finally(() => interruptions.delete(reject));
  });
}

function interruptBuilds(esbuild: Esbuild): void {
  generation++;
  void esbuild.stop();
  for (const reject of interruptions) reject(new Error("The service was stopped"));
  interruptions.clear();
}

async function stopWhenIdle(): Promise<void> {
  const esbuild = await import("esbuild");
  // Stopping fails the builds that run, and one may have begun during the import.
  if (buildsInFlight === 0) await esbuild.stop();
}
