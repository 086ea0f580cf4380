/**
 * Entry of a worker process: connects the supervisor's messages to a Worker.
 * Ends when the supervisor does: a worker nobody watches must not serve on.
 */
import type { Socket } from "node:net";
import type { Failure, Result } from "../base/result.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { Worker } from "./worker.ts";

const HEARTBEAT_INTERVAL_MS = 500;
const EXIT_CANNOT_START = 1;

/** Messages that come while it starts wait for it: a lost `place` would run a function in quarantine. */
let starting: Promise<Result<Worker>> | null = null;
let started = false;

function send(message: FromWorker, sent?: () => void): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => sent?.());
}

async function receive(message: ToWorker, handle: unknown): Promise<void> {
  if (message.type === "start") {
    starting = Worker.start(message, send);
    const begun = await starting;
    if (!begun.ok) return cannotStart(begun.failure);
    started = true;
    setInterval(() => begun.value.heartbeat(), HEARTBEAT_INTERVAL_MS);
    return;
  }
  const begun = await starting;
  // Nothing is served yet, and its `start` will bring what was deployed last.
  if (begun === null && message.type === "deploy") send({ type: "deployed", requestId: message.requestId });
  if (!begun?.ok) return;
  const worker = begun.value;
  switch (message.type) {
    case "deploy":
      await worker.deploy(message.deployment, message.placements);
      send({ type: "deployed", requestId: message.requestId });
      return;
    case "place":
      worker.place(message.placements);
      return;
    case "built":
      worker.built(message);
      return;
    case "connection":
      worker.connection(handle as Socket);
      return;
    case "collect":
      send({ type: "collected", requestId: message.requestId, metrics: worker.collect() });
      return;
    case "profile":
      send({ type: "profiled", requestId: message.requestId, ...(await worker.profile(message)) });
      return;
    case "jobs":
      worker.jobs.wake();
      return;
    case "drain":
      await worker.drain(message.graceMs);
      process.exit(0);
  }
}

function cannotStart(failure: Failure): void {
  send({ type: "failed", failure }, () => process.exit(EXIT_CANNOT_START));
}

process.on("message", (message: ToWorker, handle: unknown) => {
  receive(message, handle).catch((error: Error) => {
    if (started) throw error;
    const hint = "`pilotlight doctor` checks this machine";
    cannotStart({ code: "WORKER_FAILED", message: `The worker cannot start: ${error.message}`, hint });
  });
});
// SIGKILL, not exit(): exit waits for isolated-vm's threads, and a guest or the
// watchdog may be running in one.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
// Our own bug: say so, and leave at once; exit() could wait for a guest for ever.
process.on("uncaughtException", (error) => {
  process.stderr.write(`${error.stack ?? error}\n`);
  process.kill(process.pid, "SIGKILL");
});
// The terminal sends its signals to the whole group; the supervisor decides what they mean.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

send({ type: "booted" });
