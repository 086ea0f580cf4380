/**
 * esbuild, loaded at the first build and let go again: its service process
 * takes some 30 MB, and a server whose bundles all come from the cache never
 * needs it. Only this file imports the package.
 */
type Esbuild = typeof import("esbuild");

/** A save in `dev` is usually followed by another within this time. */
const IDLE_STOP_MS = 20_000;

let buildsInFlight = 0;
let idleTimer: NodeJS.Timeout | undefined;

/** Runs `work` with esbuild loaded; the service ends when nothing was built for a while. */
export async function withEsbuild<Value>(work: (esbuild: Esbuild) => Promise<Value>): Promise<Value> {
  clearTimeout(idleTimer);
  buildsInFlight++;
  try {
    const esbuild = await import("esbuild");
    try {
      return await work(esbuild);
    } catch (error) {
      // Its process was killed under us: the package starts another only after stop().
      if (!/service (?:is no longer running|was stopped)/i.test(String(error))) throw error;
      await esbuild.stop();
      return await work(esbuild);
    }
  } finally {
    buildsInFlight--;
    if (buildsInFlight === 0) idleTimer = setTimeout(stopWhenIdle, IDLE_STOP_MS).unref();
  }
}

async function stopWhenIdle(): Promise<void> {
  const esbuild = await import("esbuild");
  // Stopping fails the builds that run, and one may have begun during the import.
  if (buildsInFlight === 0) await esbuild.stop();
}
