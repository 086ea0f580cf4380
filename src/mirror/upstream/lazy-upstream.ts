/**
 * Lazy upstream: loaded by the first request, because a mirror that has what it
 * is asked for needs none of it, and starts the sooner.
 */
import type { IndexHealth, Upstream } from "./upstream.ts";

/** `indexNames` are those that `load` will know: their health is told before anything is loaded. */
export function lazyUpstream(indexNames: readonly string[], load: () => Promise<Upstream>): Upstream {
  let loading: Promise<Upstream> | null = null;
  let loaded: Upstream | null = null;
  const open = async (): Promise<Upstream> => {
    loading ??= load();
    loaded = await loading;
    return loaded;
  };
  return {
    request: async (request) => (loaded ?? (await open())).request(request),
    health: () => loaded?.health() ?? indexNames.map(unasked),
    close: async () => (await loading)?.close(),
  };
}

function unasked(index: string): IndexHealth {
  return { index, failuresInARow: 0, lastFailure: null, lastSuccessAtMs: null, requestCount: 0, receivedBytes: 0 };
}
