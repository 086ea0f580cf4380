/**
 * Wasm code: a function that is ready to be opened, and what its sandboxes need
 * of their worker. The template makes one, all of its sandboxes share it.
 */
import type { CapabilityHost } from "../../host/capabilities.ts";
import type { LogLevel } from "../../telemetry/log-record.ts";
import type { EngineSource, TurnObserver } from "../engine.ts";
import type { LaneHistory } from "../isolate/lane.ts";
import type { SpareIsolates } from "../isolate/spare-isolates.ts";
import type { Watchdog } from "../isolate/watchdog.ts";
import type { RequestContract } from "./contracts/contract.ts";
import type { FunctionRecorder } from "./recording/recorder.ts";

export interface WasmCode
  extends Pick<
    EngineSource,
    "functionId" | "memoryMaxBytes" | "timeoutMs" | "cpuTimeoutMs" | "env" | "allow" | "outputMaxBytes" | "folders" | "checkpoint"
  > {
  readonly module: WebAssembly.Module;
  readonly contract: RequestContract;
  readonly lanes: LaneHistory;
  /** Null unless requests are recorded. */
  readonly recorder: FunctionRecorder | null;
  /** Its guest waits (for the store, the network, time): runs are ones that can be suspended. Learned, and kept by the template. */
  waits: boolean;
}

export interface WasmSandboxHost {
  readonly watchdog: Watchdog;
  readonly isolates: SpareIsolates;
  readonly turns: TurnObserver;
  capabilities(): Promise<CapabilityHost>;
  onGuestLog(functionId: string, level: LogLevel, message: string): void;
  onRunaway(functionId: string): void;
}
