/**
 * What serve and dev have in common: start the server, greet, log, obey
 * signals, end. Standard output gets the greeting and then the log; with
 * --json both are JSON, one object a line.
 */
import type { Failure, Result } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import { configFromFlags } from "../config/parse.ts";
import type { FunctionReport } from "../serve/operator.ts";
import { type OpenServer, openServer } from "../serve/server.ts";
import { stopOnSignal } from "../serve/signals.ts";
import { prepareDataFolder } from "../store/data-folder.ts";
import { prepareRecordFolder } from "../store/record-folder.ts";
import { type Call, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { endWithNpm } from "./end-with-npm.ts";

/** Anything else that keeps a server from starting is in what was asked for: a taken port, an override of no function. */
const OUR_FAULT = new Set(["WORKER_BOOT_FAILED", "WORKER_FAILED"]);

/** `name` of the command, in what it prints. */
export async function runServer(call: Call, mode: Config["mode"], name: string = mode): Promise<number> {
  const { io } = call;
  const configure = (): Promise<Result<Config, readonly Failure[]>> => configFromFlags(call.flags, { mode, env: io.env, cwd: io.cwd });
  const config = await configure();
  if (!config.ok) {
    printFailures(name, config.failure, io);
    return EXIT_MISUSE;
  }
  const unusable = prepareDataFolder(config.value.dataDir) ?? prepareRecordFolder(config.value.recordDir);
  if (unusable !== null) {
    printFailures(name, [unusable], io);
    return EXIT_MISUSE;
  }
  const prefork = io.prefork?.take(config.value.dataDir) ?? null;
  const server = openServer(config.value, {
    ...(prefork === null ? {} : { prefork }),
    sink: (text) => io.stdout.write(text),
    style: mode === "dev" ? await lineStyle(call, config.value) : null,
    reconfigure: configure,
  });
  const ended = stopOnSignal(server);
  endWithNpm(io);
  const started = await server.start();
  if (!started.ok) {
    printFailures(name, started.failure, io);
    return started.failure.some(({ code }) => OUR_FAULT.has(code)) ? EXIT_FAILED : EXIT_MISUSE;
  }
  const functions = await server.functions();
  const broken = mode === "serve" ? await onlyFailure(config.value, functions, server) : null;
  if (broken !== null) {
    await server.stop({ force: true });
    printFailures(name, [broken], io);
    return EXIT_FAILED;
  }
  const { greet } = await import("./greeting.ts");
  await greet(call, config.value, started.value, functions);
  server.checkBuilds();
  await ended;
  if (mode === "dev") io.stdout.write("Stopped.\n");
  return EXIT_OK;
}

/** A folder serves what is good in it; a server of one function that can't be built is of no use to anybody. */
async function onlyFailure({ source }: Config, functions: readonly FunctionReport[], server: OpenServer): Promise<Failure | null> {
  const [only] = functions;
  const isSingle = (source.kind === "file" || source.kind === "eval") && functions.length === 1;
  return isSingle && only !== undefined ? server.failureOf(only.id) : null;
}

async function lineStyle({ io }: Call, config: Config): Promise<(line: string) => string> {
  const { peopleLog } = await import("./people-log.ts");
  return peopleLog(config, io.stdout, io);
}
