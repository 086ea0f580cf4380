/**
 * Worker parts: what a worker is made of before it takes its first connection.
 * What only some need (the inspector, static files, the prelude's text) is
 * loaded here, when it is needed: the start of a worker is on a stopwatch.
 */
import { join } from "node:path";
import { builtin } from "../base/builtin.ts";
import type { Config, EngineName } from "../config/config.ts";
import type { Engine } from "../engines/engine.ts";
import { Watchdog } from "../engines/isolate/watchdog.ts";
import { JavaScriptEngine } from "../engines/javascript/javascript-engine.ts";
import { loadSnapshot } from "../engines/javascript/snapshot.ts";
import type { ProcessEngine } from "../engines/process/process-engine.ts";
import type { Recorder } from "../engines/wasm/recording/recorder.ts";
import type { CapabilityHost } from "../host/capabilities.ts";
import type { StaticFiles } from "../http/static-files.ts";
import type { Store } from "../store/store.ts";
import { formatRecord, type LogLevel } from "../telemetry/log-record.ts";
import { type FlightRecord, LOOP_LANE_SLOT } from "./flight-record.ts";
import { FlightSlots } from "./flight-slots.ts";
import { STATIC_PREFIX } from "./front.ts";
import type { BundleRef } from "./function-spec.ts";
import type { FromWorker, ToWorker } from "./messages.ts";

export type StartMessage = Extract<ToWorker, { type: "start" }>;
export type Send = (message: FromWorker, sent?: () => void) => void;
/** A record of a guest that belongs to no open call. */
export type OnGuestLog = (functionId: string, level: LogLevel, message: string) => void;

/** Loaded at the first stack. */
export async function mapStack(stack: string, bundle: BundleRef): Promise<string> {
  return (await import("../engines/javascript/source-map.ts")).mapStack(stack, bundle.mapFile);
}

/** Only the first worker ever needs it: the others find the snapshot. */
async function scriptCode(name: "prelude" | "wasi", dataDir: string): Promise<string> {
  const { guestScript } = await import("../engines/javascript/guest-script.ts");
  return (await guestScript(name, dataDir)).code;
}

export async function staticFilesOf(config: Config): Promise<StaticFiles | null> {
  if (config.staticDir === null) return null;
  const { createStaticFiles } = await import("../http/static-files.ts");
  const { staticDir, staticCacheMaxBytes, staticCacheMaxFileBytes } = config;
  return createStaticFiles({
    root: staticDir,
    prefix: STATIC_PREFIX,
    cacheMaxBytes: staticCacheMaxBytes,
    cacheMaxFileBytes: staticCacheMaxFileBytes,
  });
}

interface EngineHost {
  readonly flight: FlightRecord;
  readonly onGuestLog: OnGuestLog;
  readonly send: Send;
  /** A function has queued a job. */
  readonly onJobQueued: () => void;
}

/** The engines of one worker. JavaScript's is there from the start; another is loaded by the first call that needs it. */
export class Engines {
  readonly #message: StartMessage;
  readonly #host: EngineHost;
  readonly #javascript: Engine;
  readonly #watchdog: Watchdog;
  readonly #capabilities: LazyCapabilities;
  /** Those that a first call has asked for. */
  readonly #loading = new Map<EngineName, Promise<Engine>>();
  readonly #loaded = new Map<EngineName, Engine>();
  #processes: ProcessEngine | null = null;

  private constructor(message: StartMessage, host: EngineHost, javascript: Engine, watchdog: Watchdog, capabilities: LazyCapabilities) {
    this.#message = message;
    this.#host = host;
    this.#javascript = javascript;
    this.#watchdog = watchdog;
    this.#capabilities = capabilities;
  }

  static async open(message: StartMessage, host: EngineHost): Promise<Engines> {
    const watchdog = new Watchdog();
    const { config, snapshotFile, inspected } = message;
    const capabilities = new LazyCapabilities(config, host);
    const javascript = inspected
      ? await inspectedEngine(config, host.onGuestLog, capabilities)
      : new JavaScriptEngine({
          ...isolateHost(host, watchdog, capabilities),
          snapshot: await loadSnapshot(snapshotFile, () => scriptCode("prelude", config.dataDir)),
          scheme: schemeOf(config),
        });
    return new Engines(message, host, javascript, watchdog, capabilities);
  }

  of(name: EngineName): Engine | Promise<Engine> {
    if (name === "javascript") return this.#javascript;
    const loaded = this.#loaded.get(name);
    if (loaded !== undefined) return loaded;
    const loading = this.#loading.get(name) ?? this.#load(name);
    this.#loading.set(name, loading);
    return loading;
  }

  openStore(): Promise<Store> {
    return this.#capabilities.openStore();
  }

  /** Processes of retired functions end by themselves, if they do so within `withinMs`. */
  async drained(withinMs: number): Promise<void> {
    await this.#processes?.drained(withinMs);
  }

  async close(): Promise<void> {
    await this.#capabilities.close();
    this.#javascript.close();
    for (const engine of this.#loaded.values()) engine.close();
    this.#watchdog.close();
  }

  async #load(name: "wasm" | "process"): Promise<Engine> {
    const engine = await (name === "wasm" ? this.#loadWasm() : this.#loadProcesses());
    this.#loaded.set(name, engine);
    return engine;
  }

  async #loadProcesses(): Promise<Engine> {
    const [{ ProcessEngine }, { functionLauncher }, { FunctionLinks }] = await Promise.all([
      import("../engines/process/process-engine.ts"),
      import("../engines/process/function-launcher.ts"),
      import("../engines/process/function-links.ts"),
    ]);
    const { onGuestLog } = this.#host;
    const { dataDir } = this.#message.config;
    this.#processes = new ProcessEngine({
      onGuestLog,
      // The supervisor: where it moves itself among control groups, its workers and their processes are below.
      launcherOf: (source) => functionLauncher(source, { dataDir, serverPid: process.ppid, onGuestLog }),
      linksOf: (source) => new FunctionLinks(source),
    });
    return this.#processes;
  }

  async #loadWasm(): Promise<Engine> {
    const { dataDir } = this.#message.config;
    const [{ WasmEngine }, { guestHash, snapshotFileName }] = await Promise.all([
      import("../engines/wasm/wasm-engine.ts"),
      import("../engines/javascript/guest-script.ts"),
    ]);
    const file = join(dataDir, "cache", "snapshots", snapshotFileName(await guestHash("wasi", dataDir)));
    const snapshot = await loadSnapshot(file, () => scriptCode("wasi", dataDir), "compiled");
    const recorder = await recorderOf(this.#message.config, this.#host);
    return new WasmEngine({ ...isolateHost(this.#host, this.#watchdog, this.#capabilities), snapshot, recorder });
  }
}

async function recorderOf({ recordDir, functions }: Config, { onGuestLog }: EngineHost): Promise<Recorder | null> {
  if (recordDir === null) return null;
  const { Recorder } = await import("../engines/wasm/recording/recorder.ts");
  return new Recorder({
    folder: recordDir,
    // By their values: a function's id may be one that the configuration gave it, and a build has its settings in itself.
    isPlain: (functionId, name, value) => {
      const overrides = functions[functionId] ?? Object.values(functions).find(({ id }) => id === functionId);
      return overrides?.env?.[name] === value && !(overrides.secrets ?? []).includes(name);
    },
    warn: (functionId, message) => onGuestLog(functionId, "warn", message),
  });
}

/** What engines of isolates need of their worker. */
function isolateHost({ flight, onGuestLog, send }: EngineHost, watchdog: Watchdog, capabilities: LazyCapabilities) {
  return {
    watchdog,
    capabilities: capabilities.open,
    turns: new FlightSlots(flight),
    onGuestLog,
    onRunaway: (functionId: string) => send({ type: "runaway", functionId }),
    onCatastrophe: (functionId: string, text: string) => {
      // V8 is in an undefined state: leave at once, and leave word whose fault it was.
      flight.enter(LOOP_LANE_SLOT, functionId);
      builtin.fs.writeSync(
        2,
        formatRecord({ time: Date.now(), level: "error", message: `V8 gave up on ${functionId}: ${text}`, function: functionId }),
      );
      process.abort();
    },
  };
}

/** What functions may keep: loaded by the first that does. */
class LazyCapabilities {
  readonly #config: Config;
  readonly #host: EngineHost;
  #store: Promise<Store> | null = null;
  #loaded: Promise<CapabilityHost> | null = null;

  constructor(config: Config, host: EngineHost) {
    this.#config = config;
    this.#host = host;
  }

  readonly open = (): Promise<CapabilityHost> => {
    this.#loaded ??= this.#load();
    return this.#loaded;
  };

  openStore(): Promise<Store> {
    this.#store ??= this.#openStore();
    return this.#store;
  }

  async close(): Promise<void> {
    await (await this.#store)?.close();
  }

  async #load(): Promise<CapabilityHost> {
    const [{ createCapabilityHost }, { announcedJobs }, store] = await Promise.all([
      import("../host/capability-host.ts"),
      import("./jobs/announced-jobs.ts"),
      this.openStore(),
    ]);
    const { onGuestLog, onJobQueued } = this.#host;
    const jobs = announcedJobs(store.jobs, this.#config.jobs.attemptsMax, onJobQueued);
    return createCapabilityHost({ store: { ...store, jobs }, onFault: (functionId, message) => onGuestLog(functionId, "error", message) });
  }

  async #openStore(): Promise<Store> {
    const { openStore } = await import("../store/store.ts");
    const onStuck = (functionId: string): void => this.#host.send({ type: "runaway", functionId });
    return openStore({ dataDir: this.#config.dataDir, onStuck });
  }
}

async function inspectedEngine(config: Config, onGuestLog: OnGuestLog, { open }: LazyCapabilities): Promise<Engine> {
  const { InspectedEngine } = await import("../engines/javascript/inspected-engine.ts");
  return new InspectedEngine({
    preludeCode: await scriptCode("prelude", config.dataDir),
    scheme: schemeOf(config),
    onGuestLog,
    capabilities: open,
  });
}

function schemeOf(config: Config): "http" | "https" {
  return config.tls === null ? "http" : "https";
}
