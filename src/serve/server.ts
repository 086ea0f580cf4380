/**
 * Server: a supervisor with what belongs around it, the admin API and, in dev,
 * the watch. Both come after the workers listen: nobody waits for them.
 * `openServer` is for the command line, `createServer` for embedding.
 */
import { isNodeSupported, NODE_MIN } from "../base/node-version.ts";
import type { Failure, Result } from "../base/result.ts";
import { fail, ok } from "../base/result.ts";
import type { Config } from "../config/config.ts";
import type { ServerOptions } from "../config/options.ts";
import { prepareDataFolder, storageFailure } from "../store/data-folder.ts";
import { prepareRecordFolder } from "../store/record-folder.ts";
import type { AdminServer } from "./admin.ts";
import type { FunctionReport, ServerStats } from "./operator.ts";
import type { Addresses } from "./public-port.ts";
import { PilotlightError } from "./server-error.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";
import type { Watch } from "./watch.ts";

export interface ServerAddresses extends Addresses {
  /** null when there is no admin address, or its default could not be opened. */
  readonly adminUrl: string | null;
}

export interface OpenServer {
  start(): Promise<Result<ServerAddresses, readonly Failure[]>>;
  reload(): Promise<Result<void, readonly Failure[]>>;
  stop(options?: { readonly force?: boolean }): Promise<void>;
  stats(): Promise<ServerStats>;
  functions(): Promise<readonly FunctionReport[]>;
  /** Why a function can't be served; builds it to know. */
  failureOf(functionId: string): Promise<Failure | null>;
  /** Logs which functions can't be served, now and after every reload, before somebody calls them. */
  checkBuilds(): void;
}

/** Callers who wait for the port get the processor first: on one core, loading the admin API would delay the first answer by 8 ms. */
const CALLERS_FIRST_MS = 25;

/** Forks the first worker at once; everything else happens in `start`. */
export function openServer(config: Config, options: SupervisorOptions): OpenServer {
  const supervisor = new Supervisor(config, options);
  let admin: AdminServer | null = null;
  let watch: Watch | null = null;
  let isStopping = false;

  /** Nobody asked for the default admin address, so a server does without it; one that was named must open. */
  async function openAround(): Promise<Result<void>> {
    if (config.admin !== null) {
      await new Promise((resolve) => setTimeout(resolve, CALLERS_FIRST_MS));
      const { openAdmin } = await import("./admin.ts");
      const opened = await openAdmin(supervisor, config.admin);
      if (opened.ok) admin = opened.value;
      else if (config.admin.named) return opened;
      else supervisor.record("warn", `${opened.failure.message}; serving without it`, { hint: opened.failure.hint });
    }
    if (config.mode === "dev") {
      const { watchSource } = await import("./watch.ts");
      watch = await watchSource(config, () => void supervisor.reload());
    }
    if (isStopping) closeAround();
    return ok(undefined);
  }

  function closeAround(): void {
    admin?.close();
    void watch?.close();
  }

  const operator = async () => new (await import("./operator.ts")).Operator(supervisor);

  return {
    async start() {
      const started = await startOrStop(supervisor);
      if (!started.ok) return started;
      const opened = await openAround();
      if (!opened.ok) {
        await supervisor.stop({ force: true });
        return fail([opened.failure]);
      }
      return ok({ ...started.value, adminUrl: admin?.url ?? null });
    },
    reload: () => supervisor.reload(),
    async stop(stopOptions) {
      isStopping = true;
      await supervisor.stop(stopOptions);
      // Last: whoever drains a server wants to see it drain.
      closeAround();
    },
    stats: async () => (await operator()).stats(),
    functions: async () => (await operator()).functions(),
    failureOf: (functionId) => supervisor.failureOf(functionId),
    checkBuilds: () => supervisor.checkBuilds(),
  };
}

/** Disks fill up between the proof that the data folder is usable and its use. */
export async function startOrStop(supervisor: Supervisor): Promise<Result<Addresses, readonly Failure[]>> {
  try {
    return await supervisor.start();
  } catch (error) {
    await supervisor.stop({ force: true });
    const failure = storageFailure(supervisor.config.dataDir, error);
    if (failure === null) throw error;
    return fail([failure]);
  }
}

/** Workers run under the Node that runs the embedder; the command line brings its own. */
function nodeTooOld(): Failure {
  return {
    code: "NODE_TOO_OLD",
    message: `Cannot start: createServer needs Node ${NODE_MIN}, and this is Node ${process.versions.node}`,
    hint: `Run your program with Node ${NODE_MIN} or later (npm installs one with this package: node_modules/.bin/node), or use the pilotlight command`,
  };
}

/** A server inside another program. Nothing runs before `start`. */
export interface Server {
  /** Resolves when it serves; throws PilotlightError (PORT_IN_USE, CONFIG_BAD_VALUE, …) when it can't. */
  start(): Promise<ServerAddresses>;
  /** Serves the functions as they are on disk now, in every worker once it resolves; throws PilotlightError and serves the old ones when they can't be read. */
  reload(): Promise<void>;
  /** Finishes the calls in flight, then stops; `force` does not wait. Stopping twice, or before the start, is no error. */
  stop(options?: { readonly force?: boolean }): Promise<void>;
  stats(): Promise<ServerStats>;
}

export interface ServerHooks {
  /** Gets the log, one JSON object a line, instead of standard output. */
  readonly onLog?: (lines: string) => void;
}

export function createServer(options: ServerOptions = {}, hooks: ServerHooks = {}): Server {
  let opened: OpenServer | null = null;

  async function configure(): Promise<Result<Config, readonly Failure[]>> {
    const { resolveConfig } = await import("../config/parse.ts");
    return resolveConfig(options, process.cwd());
  }

  function running(): OpenServer {
    if (opened !== null) return opened;
    throw new PilotlightError([{ code: "NOT_STARTED", message: "The server is not running", hint: "Await server.start() first" }]);
  }

  return {
    async start() {
      if (!isNodeSupported(process.versions.node)) throw new PilotlightError([nodeTooOld()]);
      if (opened !== null) throw new PilotlightError([{ code: "ALREADY_STARTED", message: "The server was started before" }]);
      const config = unwrap(await configure());
      const unusable = prepareDataFolder(config.dataDir) ?? prepareRecordFolder(config.recordDir);
      if (unusable !== null) throw new PilotlightError([unusable]);
      opened = openServer(config, { sink: hooks.onLog ?? writeStdout, reconfigure: configure });
      const started = await opened.start();
      if (!started.ok) opened = null;
      return unwrap(started);
    },
    async reload() {
      unwrap(await running().reload());
    },
    async stop(stopOptions) {
      await opened?.stop(stopOptions);
      opened = null;
    },
    stats: () => running().stats(),
  };
}

function writeStdout(text: string): void {
  process.stdout.write(text);
}

function unwrap<Value>(result: Result<Value, readonly Failure[]>): Value {
  if (result.ok) return result.value;
  throw new PilotlightError(result.failure);
}
