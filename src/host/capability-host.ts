/**
 * Capability host: puts the five capabilities on one store. Turns refusals and
 * faults of storage into failures: the guest is told what it can do, the
 * operator's log which file and why. Must not be loaded before it is used.
 */
import { fail, type Result } from "../base/result.ts";
import { describeBytes, MIB } from "../base/units.ts";
import type { Allow } from "../config/config.ts";
import type { Store } from "../store/store.ts";
import type { StoreFault } from "../store/store-fault.ts";
import { blobCapability } from "./blob.ts";
import type { CapabilityFailure, CapabilityFailureCode, CapabilityHost, CapabilityName, Name, Outcome } from "./capabilities.ts";
import { allowedName, Refused } from "./check-arguments.ts";
import { kvCapability } from "./kv.ts";
import { LocalWaiters } from "./local-waiters.ts";
import { lockCapability } from "./lock.ts";
import { queueCapability } from "./queue.ts";
import { sqlCapability } from "./sql.ts";

export interface CapabilityHostOptions {
  readonly store: Store;
  /** A fault of storage, for the operator. */
  onFault(functionId: string, message: string): void;
}

/** What one function's capabilities stand on. */
export interface CapabilityBase {
  readonly functionId: string;
  readonly store: Store;
  readonly waiters: LocalWaiters;
  /** Throws Refused. */
  allowed(capability: CapabilityName, name: Name): string;
  /** Refusals that `work` throws and faults that it returns become the outcome. */
  attempt<Value>(work: Work<Value>): Outcome<Value>;
}

type Work<Value> = (hold: Hold) => Promise<Result<Value, StoreFault | CapabilityFailure>>;

/** Counts bytes that are on their way until the work is done. Throws Refused when there are too many. */
export type Hold = (bytes: number) => void;

/** They lie outside every sandbox's memory limit: a function could start a thousand writes of the largest blob. */
const IN_FLIGHT_MAX_BYTES = 256 * MIB;

const TOLD: Partial<Readonly<Record<CapabilityFailureCode, string>>> = {
  BUSY: "the store is busy: nothing was written; try again",
  STORAGE_FULL: "the store is full: nothing was written; delete what is no longer needed",
  STORAGE_FAILED: "the store failed: nothing is known to be written; the server's log says why",
};

export function createCapabilityHost({ store, onFault }: CapabilityHostOptions): CapabilityHost {
  const waiters = new LocalWaiters();
  const inFlight = { bytes: 0 };
  return {
    hostFor(functionId: string, allow: Allow) {
      const base: CapabilityBase = {
        functionId,
        store,
        waiters,
        allowed: (capability, name) => allowedName(allow, capability, name, functionId),
        attempt: (work) => attempt(work, inFlight, (message) => onFault(functionId, message)),
      };
      return {
        kv: kvCapability(base),
        sql: sqlCapability(base),
        blob: blobCapability(base),
        queue: queueCapability(base),
        lock: lockCapability(base),
      };
    },
    close: () => store.close(),
  };
}

async function attempt<Value>(work: Work<Value>, inFlight: { bytes: number }, report: (message: string) => void): Outcome<Value> {
  let held = 0;
  const hold: Hold = (bytes) => {
    if (inFlight.bytes + bytes > IN_FLIGHT_MAX_BYTES) {
      const message = `${describeBytes(IN_FLIGHT_MAX_BYTES)} are being read and written at once: await some of it before starting more`;
      throw new Refused({ code: "BUSY", message });
    }
    held += bytes;
    inFlight.bytes += bytes;
  };
  try {
    const result = await work(hold);
    if (result.ok) return result;
    const { message } = result.failure;
    // To a guest a server that ends is one that has no time for it.
    const code = result.failure.code === "STOPPING" ? "BUSY" : result.failure.code;
    const told = TOLD[code];
    if (told === undefined) return fail({ code, message });
    report(message);
    return fail({ code, message: told });
  } catch (error) {
    if (error instanceof Refused) return fail(error.failure);
    throw error;
  } finally {
    inFlight.bytes -= held;
  }
}
