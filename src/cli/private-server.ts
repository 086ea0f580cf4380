/**
 * A server for one command (invoke, test): the real supervisor with one worker
 * on a free loopback port, nothing logged per request, no admin address.
 * Always stopped, also when the command is interrupted.
 */
import type { Failure } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { startOrStop } from "../serve/server.ts";
import { Supervisor } from "../serve/supervisor.ts";
import type { ServerAddress } from "./http-call.ts";
import { peopleLog } from "./people-log.ts";

const DRAIN_GRACE_MS = 500;
/** As shells count a process that SIGINT ended. */
const EXIT_INTERRUPTED = 130;

/** The server could not be started; each failure deserves a line of its own. */
export class StartFailed extends Error {
  readonly failures: readonly Failure[];

  constructor(failures: readonly Failure[]) {
    super(failures.map((failure) => failure.message).join("; "));
    this.failures = failures;
  }
}

/** `onLog` gets what functions and the server say, as lines for people. Rejects with StartFailed, or as `work` does. */
export async function withPrivateServer<Value>(
  config: Config,
  onLog: (text: string) => void,
  work: (address: ServerAddress) => Promise<Value>,
): Promise<Value> {
  const style = peopleLog(config, process.stderr, { env: process.env, cwd: process.cwd() });
  const supervisor = new Supervisor(privately(config), { sink: onLog, style, drainGraceMs: DRAIN_GRACE_MS });
  const onSignal = (): void => {
    void supervisor.stop({ force: true }).finally(() => process.exit(EXIT_INTERRUPTED));
  };
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const started = await startOrStop(supervisor);
    if (!started.ok) throw new StartFailed(started.failure);
    return await work(started.value);
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    await supervisor.stop();
  }
}

/** A server for one command: nobody else's port, no admin, no noise. */
function privately(config: Config): Config {
  return {
    ...config,
    host: "127.0.0.1",
    port: 0,
    workerCount: 1,
    quiet: true,
    admin: null,
    tls: null,
    poolMetricsEvery: 0,
    // Jobs that wait in the project's folder are not this command's business.
    jobs: { ...config.jobs, concurrency: 0 },
  };
}
