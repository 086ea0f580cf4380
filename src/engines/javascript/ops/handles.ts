/**
 * Handles: numbers by which a guest names something stateful that lives on the
 * host (an open compressor, a running fetch). Each belongs to one sandbox, the
 * count is bounded, and whatever is still open when the sandbox closes is closed.
 */
import type { Handle } from "../../../host/outbound/handle.ts";
import { GuestFault, type OpContext } from "./op.ts";

export const HANDLES_MAX = 1_000;

let idCount = 0;
const watched = new WeakSet<OpContext["state"]>();

export function openHandle(context: OpContext, handle: Handle): number {
  if (context.signal.aborted) throw new GuestFault("AbortError", "The sandbox is closing");
  if (context.state.size >= HANDLES_MAX) {
    throw new GuestFault(
      "QuotaExceededError",
      `${HANDLES_MAX} streams and requests are open in this function: read bodies to their end or cancel them`,
    );
  }
  if (!watched.has(context.state)) {
    watched.add(context.state);
    // One listener for all of them: a listener each would trip Node's leak warning.
    context.signal.addEventListener("abort", () => closeAll(context), { once: true });
  }
  const id = ++idCount;
  context.state.set(id, handle);
  return id;
}

/** The open handle of that number and class; a fault when there is none. */
export function useHandle<Kind extends Handle>(context: OpContext, id: unknown, kind: abstract new (...args: never[]) => Kind): Kind {
  const handle = typeof id === "number" ? context.state.get(id) : undefined;
  if (!(handle instanceof kind)) throw new GuestFault("InvalidStateError", "This handle is closed or was never open");
  return handle;
}

/** Idempotent: closing twice, or what never was, is no fault. */
export function closeHandle(context: OpContext, id: unknown): void {
  const handle = typeof id === "number" ? context.state.get(id) : undefined;
  if (handle === undefined) return;
  context.state.delete(id as number);
  (handle as Handle).close();
}

function closeAll(context: OpContext): void {
  const open = [...context.state.values()] as Handle[];
  context.state.clear();
  for (const handle of open) handle.close();
}
