/**
 * Worker parts: what a worker is made of before it takes its first connection.
 * What only some need (the inspector, static files, the prelude's text) is
 * loaded here, when it is needed: the start of a worker is on a stopwatch.
 */
import { builtin } from "../base/builtin.ts";
import type { Config } from "../config/config.ts";
import type { Engine } from "../engines/engine.ts";
import { JavaScriptEngine } from "../engines/javascript/javascript-engine.ts";
import { loadSnapshot } from "../engines/javascript/snapshot.ts";
import type { StaticFiles } from "../http/static-files.ts";
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
async function preludeCode(dataDir: string): Promise<string> {
  const { guestPrelude } = await import("../engines/javascript/guest-prelude.ts");
  return (await guestPrelude(dataDir)).code;
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
}

export async function sandboxEngine({ config, snapshotFile }: StartMessage, { flight, onGuestLog, send }: EngineHost): Promise<Engine> {
  return new JavaScriptEngine({
    snapshot: await loadSnapshot(snapshotFile, () => preludeCode(config.dataDir)),
    scheme: schemeOf(config),
    turns: new FlightSlots(flight),
    onGuestLog,
    onRunaway: (functionId) => send({ type: "runaway", functionId }),
    onCatastrophe: (functionId, text) => {
      // V8 is in an undefined state: leave at once, and leave word whose fault it was.
      flight.enter(LOOP_LANE_SLOT, functionId);
      builtin.fs.writeSync(
        2,
        formatRecord({ time: Date.now(), level: "error", message: `V8 gave up on ${functionId}: ${text}`, function: functionId }),
      );
      process.abort();
    },
  });
}

export async function inspectedEngine(config: Config, onGuestLog: OnGuestLog): Promise<Engine> {
  const { InspectedEngine } = await import("../engines/javascript/inspected-engine.ts");
  return new InspectedEngine({ preludeCode: await preludeCode(config.dataDir), scheme: schemeOf(config), onGuestLog });
}

function schemeOf(config: Config): "http" | "https" {
  return config.tls === null ? "http" : "https";
}
