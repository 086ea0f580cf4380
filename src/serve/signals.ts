/**
 * Signals: what they mean to a server that has the process to itself. SIGTERM
 * and SIGINT drain, a second one does not wait; SIGHUP reloads. A signal to
 * the whole process group arrives twice where a launcher hands its own on: two
 * of a kind at once are one. Not for embedding: there the signals belong to the program around it.
 */
import type { OpenServer } from "./server.ts";

/** Nobody presses a key twice as fast; a launcher's copy comes within milliseconds. */
const SAME_SIGNAL_MS = 100;

/** Resolves when the server has stopped because of a signal. */
export async function stopOnSignal(server: Pick<OpenServer, "reload" | "stop">): Promise<void> {
  let isStopping = false;
  const onReload = (): void => {
    if (!isStopping) void server.reload();
  };
  process.on("SIGHUP", onReload);
  await new Promise<void>((resolve) => {
    let last: { readonly signal: NodeJS.Signals; readonly atMs: number } | null = null;
    const onStop = (signal: NodeJS.Signals): void => {
      const atMs = performance.now();
      const isCopy = last?.signal === signal && atMs - last.atMs < SAME_SIGNAL_MS;
      last = { signal, atMs };
      if (isCopy) return;
      const force = isStopping;
      isStopping = true;
      void server.stop({ force }).then(resolve);
    };
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onStop);
  });
  process.off("SIGHUP", onReload);
}
