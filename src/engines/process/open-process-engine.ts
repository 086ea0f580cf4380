/**
 * The process engine with this machine's processes: which launcher starts a
 * function's instances, as its settings ask and the machine allows, and which link
 * reaches them. The engine itself (process-engine.ts) knows neither.
 */
import { fail, ok, type Result } from "../../base/result.ts";
import type { LogLevel } from "../../telemetry/log-record.ts";
import type { EngineSource } from "../engine.ts";
import { ForkLauncher } from "./launch/fork-launcher.ts";
import type { Hello, LaunchedProcess, Launcher, LaunchFailure } from "./launch/launched.ts";
import type { MachineFacts } from "./launch/machine-facts.ts";
import { machineFacts } from "./launch/machine-probe.ts";
import type { ProcessLog } from "./launch/output-reader.ts";
import { PlainLauncher } from "./launch/plain-launcher.ts";
import { openFrameLink } from "./links/frame-link.ts";
import { HttpLink } from "./links/http-link.ts";
import type { Link } from "./links/link.ts";
import { openRingLink } from "./links/ring-link.ts";
import { stdioEnvironment } from "./links/stdio-environment.ts";
import { StdioLink } from "./links/stdio-link.ts";
import type { LinkMaker } from "./pool/pool-parts.ts";
import { ProcessEngine } from "./process-engine.ts";

export interface ProcessHost {
  readonly dataDir: string;
  /** Of the process whose children, and theirs, are all of this server. */
  readonly serverPid: number;
  onGuestLog(functionId: string, level: LogLevel, message: string): void;
}

const LOOPBACK = "127.0.0.1";

export function openProcessEngine({ dataDir, serverPid, onGuestLog }: ProcessHost): ProcessEngine {
  return new ProcessEngine({
    async launcherOf(source) {
      const log: ProcessLog = {
        line: (_output, text) => onGuestLog(source.functionId, "info", text),
        note: (text) => onGuestLog(source.functionId, "warn", text),
      };
      return launcherOf(source, dataDir, await machineFacts(serverPid), log);
    },
    linksOf,
    onGuestLog,
  });
}

function launcherOf(source: EngineSource, dataDir: string, facts: MachineFacts, log: ProcessLog): Launcher {
  const { functionId, codeFile: file, memoryMaxBytes, env } = source;
  const settings = source.process!;
  const subject = { functionId, file, settings, memoryMaxBytes, env, dataDir };
  return settings.snapshot === "fork" ? new ForkLauncher(subject, facts, log) : new PlainLauncher(subject, facts, log);
}

export function linksOf({ functionId, outputMaxBytes }: EngineSource): LinkMaker {
  return {
    open: (process, hello) => linkTo(process, hello, functionId),
    oneShot: (process) => new StdioLink(process, { functionId, form: "auto", outputMaxBytes }),
    environmentOf: stdioEnvironment,
  };
}

function linkTo(process: LaunchedProcess, { way, connection }: Hello, functionId: string): Result<Link, LaunchFailure> {
  if (way === "http") return ok(new HttpLink({ functionId, target: { host: LOOPBACK, port: process.port } }));
  if (way === "frames" && connection !== null) return ok(openFrameLink(connection, { functionId }));
  if (way === "ring" && connection !== null && process.ring !== null) return ok(openRingLink(process.ring, connection, { functionId }));
  return fail({ code: "BAD_READY", message: `Cannot start ${functionId}: it wants to be called by ${way}, for which it has nothing here` });
}
