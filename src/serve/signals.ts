/**
 * Signals: what they mean to a server that has the process to itself. SIGTERM
 * and SIGINT drain, a second one does not wait; SIGHUP reloads. Not for
 * embedding: there the signals belong to the program around it.
 */
import type { OpenServer } from "./server.ts";

/** Resolves when the server has stopped because of a signal. */
export async function stopOnSignal(server: Pick<OpenServer, "reload" | "stop">): Promise<void> {
  let isStopping = false;
  const onReload = (): void => {
    if (!isStopping) void server.reload();
  };
  process.on("SIGHUP", onReload);
  await new Promise<void>((resolve) => {
    const onStop = (): void => {
      const force = isStopping;
      isStopping = true;
      void server.stop({ force }).then(resolve);
    };
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, onStop);
  });
  process.off("SIGHUP", onReload);
}
