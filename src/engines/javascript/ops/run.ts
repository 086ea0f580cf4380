/**
 * Runs one host operation for a guest: looks it up, calls it, and turns every
 * outcome into a value that may cross into the sandbox. Nothing is ever thrown
 * across (a host stack would tell of our files), and no buffer crosses that is
 * larger than what it shows (V8 clones the whole backing store, and Node's
 * pooled buffers hold other tenants' bytes).
 */
import { asyncOps, syncOps } from "./index.ts";
import { GuestFault, type OpContext } from "./op.ts";

/** Concurrent operations one sandbox may have in flight. */
export const PENDING_MAX = 1_000;

interface Fault {
  readonly $fault: string;
  readonly message: string;
}

const pendingCounts = new WeakMap<OpContext, number>();

export function runSyncOp(context: OpContext, name: string, args: readonly unknown[]): unknown {
  const operation = syncOps.get(name);
  if (operation === undefined) return unknownOperation(name);
  try {
    return exact(operation(context, ...args));
  } catch (error) {
    return toFault(context, 0, name, error);
  }
}

/**
 * Returns a fault when the operation can't start, else undefined; then
 * `settle` is called once, in a later turn, unless the sandbox closed meanwhile.
 */
export function runAsyncOp(
  context: OpContext,
  callId: number,
  name: string,
  args: readonly unknown[],
  settle: (value: unknown) => void,
): unknown {
  const operation = asyncOps.get(name);
  if (operation === undefined) return unknownOperation(name);
  if (context.signal.aborted) return fault("AbortError", "The sandbox is closing");
  const pendingCount = pendingCounts.get(context) ?? 0;
  if (pendingCount >= PENDING_MAX) {
    return fault("QuotaExceededError", `${PENDING_MAX} operations of this function are in flight: await some before starting more`);
  }
  pendingCounts.set(context, pendingCount + 1);
  const finish = (value: unknown): void => {
    pendingCounts.set(context, (pendingCounts.get(context) as number) - 1);
    if (!context.signal.aborted) settle(value);
  };
  start(operation, context, callId, args).then(
    (value) => finish(exact(value)),
    (error) => finish(toFault(context, callId, name, error)),
  );
  return undefined;
}

/** An operation that throws before its first await rejects like any other. */
async function start(
  operation: (context: OpContext, callId: number, ...args: unknown[]) => Promise<unknown>,
  context: OpContext,
  callId: number,
  args: readonly unknown[],
): Promise<unknown> {
  return operation(context, callId, ...args);
}

function toFault(context: OpContext, callId: number, name: string, error: unknown): Fault {
  if (error instanceof GuestFault) return fault(error.errorName, error.message);
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error);
  context.log("error", `Host operation ${name} failed: ${shown}`, callId);
  return fault("Error", "internal error");
}

function fault(errorName: string, message: string): Fault {
  return { $fault: errorName, message };
}

function unknownOperation(name: unknown): Fault {
  return fault("TypeError", `No host operation is called ${typeof name === "string" ? JSON.stringify(name.slice(0, 64)) : typeof name}`);
}

/** The value with every view cut down to a backing store of its own. */
function exact(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) {
    if (value.byteLength === value.buffer.byteLength) return value;
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  }
  if (value instanceof ArrayBuffer) return value;
  if (Array.isArray(value)) return value.map(exact);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, exact(field)]));
}
