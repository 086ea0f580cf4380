/**
 * What serve and dev have in common: start the server, greet, log, obey
 * signals, end. Standard output gets the greeting and then the log; with
 * --json both are JSON, one object a line.
 */
import type { Failure, Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { configFromFlags } from "../config/parse.ts";
import { Supervisor } from "../serve/supervisor.ts";
import { type Call, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";

/** Anything else that keeps a server from starting is in what was asked for: a taken port, an override of no function. */
const OUR_FAULT = new Set(["WORKER_BOOT_FAILED", "WORKER_FAILED"]);

export async function runServer(call: Call, mode: Config["mode"]): Promise<number> {
  const { io } = call;
  const configure = (): Promise<Result<Config, readonly Failure[]>> => configFromFlags(call.flags, { mode, env: io.env, cwd: io.cwd });
  const config = await configure();
  if (!config.ok) {
    printFailures(mode, config.failure, io);
    return EXIT_MISUSE;
  }
  const supervisor = new Supervisor(config.value, {
    sink: (text) => io.stdout.write(text),
    style: mode === "dev" ? await lineStyle(call) : null,
    reconfigure: configure,
  });
  const ended = obeySignals(supervisor);
  const started = await supervisor.start();
  if (!started.ok) {
    printFailures(mode, started.failure, io);
    return started.failure.some(({ code }) => OUR_FAULT.has(code)) ? EXIT_FAILED : EXIT_MISUSE;
  }
  const { greet } = await import("./greeting.ts");
  greet(call, config.value, started.value.url, null, supervisor.live.current.functions);
  const watching = mode === "dev" ? await watchAndReload(config.value, supervisor) : null;
  await ended;
  await watching?.close();
  return EXIT_OK;
}

async function lineStyle({ io }: Call): Promise<(line: string) => string> {
  const { createLineStyle, wantsColour } = await import("../telemetry/log-style.ts");
  return createLineStyle(wantsColour(io.stdout, io.env));
}

/** Resolves when the server has stopped. The first signal drains, a second one does not wait. */
function obeySignals(supervisor: Supervisor): Promise<void> {
  let isStopping = false;
  process.on("SIGHUP", () => {
    if (!isStopping) void supervisor.reload();
  });
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      const force = isStopping;
      isStopping = true;
      supervisor.stop({ force }).then(resolve, reject);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}

async function watchAndReload({ source }: Config, supervisor: Supervisor) {
  if (source.kind === "eval") return null;
  const { watchSources } = await import("./watch.ts");
  return watchSources([source.path], (changed) => {
    supervisor.record("debug", "files changed", { files: changed });
    void supervisor.reload();
  });
}
