/** Launcher of one function: by its settings' kind of snapshot, on what this machine offers. */

import { assert } from "../../base/assert.ts";
import type { LogLevel } from "../../telemetry/log-record.ts";
import type { EngineSource } from "../engine.ts";
import type { Launcher } from "./launch/launched.ts";
import { machineFacts } from "./launch/machine-probe.ts";
import type { OutputName } from "./launch/output-reader.ts";
import type { LaunchSubject } from "./launch/plain-launcher.ts";
import { launcherFor } from "./snapshots/launcher-for.ts";

export interface FunctionLauncherOptions {
  readonly dataDir: string;
  /** Of the process whose children and theirs are all of this server. */
  readonly serverPid: number;
  onGuestLog(functionId: string, level: LogLevel, message: string): void;
}

/** What a program writes to standard error need not be an error; who reads logs finds it by its level. */
const LEVEL_OF: Readonly<Record<OutputName, LogLevel>> = { stdout: "info", stderr: "warn" };

export async function functionLauncher(source: EngineSource, options: FunctionLauncherOptions): Promise<Launcher> {
  const { functionId, codeFile, process: settings, memoryMaxBytes, env } = source;
  assert(settings !== null, "only process functions are launched");
  const subject: LaunchSubject = { functionId, file: codeFile, settings, memoryMaxBytes, env, dataDir: options.dataDir };
  const log = {
    line: (output: OutputName, text: string) => options.onGuestLog(functionId, LEVEL_OF[output], text),
    note: (text: string) => options.onGuestLog(functionId, "warn", text),
  };
  const facts = await machineFacts(options.serverPid);
  return launcherFor(subject, facts, log);
}
