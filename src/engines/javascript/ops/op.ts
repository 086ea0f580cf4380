/**
 * Host operations: what a JavaScript guest may ask for by name over the bridge
 * (guest/bridge.ts). Arguments come from hostile code: an operation checks
 * every one and throws GuestFault for what it refuses; anything else that is
 * thrown is our bug and reaches the guest as a bare "internal error".
 */

import type { Allow } from "../../../config/config.ts";
import type { HostCapabilities } from "../../../host/capabilities.ts";
import type { LogLevel } from "../../../telemetry/log-record.ts";

export { GuestFault } from "../../../host/guest-fault.ts";

/** What an operation knows about its caller. */
export interface OpContext {
  readonly functionId: string;
  readonly allow: Allow;
  /** Aborted when the sandbox closes: pending I/O must stop. */
  readonly signal: AbortSignal;
  /** The sandbox's open handles (handles.ts): compressors, decoders, fetches. Freed with it; other caches of a sandbox are keyed by it. */
  readonly state: Map<number, unknown>;
  /** Of this function; loads what stands behind them. Null where there is no data folder. */
  capabilities(): Promise<HostCapabilities | null>;
  log(level: LogLevel, message: string, callId: number): void;
  /** Value of an outgoing traceparent header for this call; null when the call is over. */
  traceparent(callId: number): string | null;
}

export type SyncOp = (context: OpContext, ...args: unknown[]) => unknown;
export type AsyncOp = (context: OpContext, callId: number, ...args: unknown[]) => Promise<unknown>;
