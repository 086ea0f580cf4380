/**
 * The engine contract: how a function's code becomes something that answers
 * calls. Every engine (JavaScript, WebAssembly, processes) implements it and passes the suite in contract.test.ts. The server above
 * decides when to open, retire and close; the engine owns limits and deadlines.
 */

import type { StartMode } from "../../guest/wasi/channel.ts";
import type { Allow, ContractName, EngineName } from "../config/config.ts";
import type { ProcessSettings } from "../config/process-settings.ts";
import type { Exchange } from "../http/exchange.ts";
import type { LogLevel } from "../telemetry/log-record.ts";
import type { ProcessMetrics } from "../telemetry/process-metrics.ts";

export interface Engine {
  readonly name: EngineName;
  /** Loads and compiles once per worker; the template opens any number of sandboxes. */
  prepare(source: EngineSource): Promise<Template>;
  close(): void;
}

/** A folder of the host that a guest sees under a name of its own. */
export interface SharedFolder {
  readonly hostPath: string;
  /** "/data". */
  readonly guestName: string;
  readonly isWritable: boolean;
}

/** As a number that JSON can carry. */
export const UNLIMITED_BYTES = Number.MAX_SAFE_INTEGER;

/** One function's code and limits, everything decided. */
export interface EngineSource {
  readonly functionId: string;
  /** Bundle, module or executable. */
  readonly codeFile: string;
  /** What was found out about it when it was built: a bundle's source map, a module's facts. */
  readonly mapFile: string;
  /** V8 code cache; used when it exists and V8 accepts it. */
  readonly codeCacheFile: string | null;
  readonly memoryMaxBytes: number;
  readonly timeoutMs: number;
  readonly cpuTimeoutMs: number;
  /** True gives every call fresh state. */
  readonly freshState: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly allow: Allow;
  readonly folders: readonly SharedFolder[];
  /** May randomness and time from before a request repeat in every request? */
  readonly checkpoint: boolean;
  /** The most of an answer that the engine collects, or that a one-shot program may write; UNLIMITED_BYTES for no limit. */
  readonly outputMaxBytes: number;
  /** What was said of how it is told requests and answers; null lets the engine find out. */
  readonly contract: ContractName | null;
  /** How an executable is started, called and kept; null for what is not one. */
  readonly process: ProcessSettings | null;
}

export interface Template {
  /** Ready to serve; a cold start is this call. Rejects with SandboxError when the code can't be loaded. */
  open(): Promise<Sandbox>;
  /** Where calls run at the moment; engines without lanes say "none". */
  readonly lane: "thread" | "loop" | "none";
  /** How a request gets fresh state; null for engines with one way. */
  readonly startMode: StartMode | null;
  readonly promotionCount: number;
  readonly demotionCount: number;
  /** Of its instances, in all sandboxes it has opened; absent where a function is no process. */
  processMetrics?(): ProcessMetrics;
  close(): void;
}

export interface Sandbox {
  /** Answers through `call.exchange`, or ends the call with `call.fail`; exactly one of the two happens. */
  invoke(call: Call): void;
  /** Calls not answered yet, and promises given to waitUntil. */
  readonly busyCount: number;
  /** Ended by its own fault or by close(); open another. */
  readonly closed: boolean;
  /** Takes no more calls; closes when the last one has ended. */
  retire(): void;
  /** Ends at once; open calls fail with SANDBOX_CLOSED. */
  close(): void;
  /** Memory it holds; the last known figure while it is running. */
  heapUsedBytes(): number;
  /** Has an instance ready before a call wants it; resolves when one is, or with why none can be. Absent where opening does that. */
  warmUp?(): Promise<CallFailure | null>;
}

/** One request on its way through an engine. */
export interface Call {
  readonly exchange: Exchange;
  /** Route parameters, decoded; null when the route has none. */
  readonly params: Readonly<Record<string, string>> | null;
  /** What ties its answer to its log lines. */
  readonly requestId: string;
  /** Ends the call with an error; ignored once it was answered. */
  fail(failure: CallFailure): void;
  /** A record written by the guest during this call. */
  log(level: LogLevel, message: string): void;
  /** Value for an outgoing traceparent header, continuing the caller's trace. */
  traceparent(): string;
}

/** Told which function runs, so that a dead worker's supervisor can know (the flight record). */
export interface TurnObserver {
  loopTurn(functionId: string): void;
  /** Returns what `threadTurnEnded` wants back. */
  threadTurn(functionId: string): number;
  threadTurnEnded(slot: number): void;
}

export type CallFailureCode =
  | "HANDLER_THREW"
  | "LOAD_FAILED"
  | "CPU_LIMIT_EXCEEDED"
  | "MEMORY_LIMIT_EXCEEDED"
  | "CALL_TIMEOUT"
  | "SANDBOX_LOST"
  | "SANDBOX_CLOSED"
  | "NO_INSTANCE"
  | "INVALID_ANSWER"
  | "GUEST_TRAPPED"
  | "GUEST_EXITED"
  | "OUTPUT_TOO_LARGE"
  | "BODY_FAILED";

export interface CallFailure {
  readonly code: CallFailureCode;
  /** For logs and the developer: what happened, to what. */
  readonly message: string;
  /** Guest stack, when there is one. */
  readonly stack?: string;
}

/** Why a sandbox could not be opened. */
export class SandboxError extends Error {
  readonly failure: CallFailure;

  constructor(failure: CallFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** HTTP status of each failure: what the client is told when nothing else is known. */
export const STATUS_OF_FAILURE: Readonly<Record<CallFailureCode, number>> = {
  HANDLER_THREW: 500,
  LOAD_FAILED: 500,
  CPU_LIMIT_EXCEEDED: 500,
  MEMORY_LIMIT_EXCEEDED: 500,
  CALL_TIMEOUT: 504,
  SANDBOX_LOST: 503,
  SANDBOX_CLOSED: 503,
  NO_INSTANCE: 503,
  INVALID_ANSWER: 500,
  GUEST_TRAPPED: 500,
  GUEST_EXITED: 500,
  OUTPUT_TOO_LARGE: 500,
  BODY_FAILED: 400,
};
