/**
 * Request gate: the moment at which a guest first asks what its request is.
 * Everything before it is the same for every request. A module rewritten by
 * Binaryen's asyncify (its asyncify_* exports) can be unwound there once, and
 * every later run goes on from that point: the import that was left is called
 * again, with the same arguments.
 */
import type { Exports } from "./webassembly.ts";

interface AsyncifyExports {
  asyncify_start_unwind(data: number): void;
  asyncify_stop_unwind(): void;
  asyncify_start_rewind(data: number): void;
  asyncify_stop_rewind(): void;
}

/** Where asyncify keeps the stack that it unwinds: in the module's second memory, from its start. */
const DATA_POINTER = 0;

export class RequestGate {
  #state: "open" | "armed" | "unwinding" | "rewinding" = "open";
  #asyncify: AsyncifyExports | null = null;

  /** The next question for the request unwinds the guest. */
  arm(exports: Exports): void {
    this.#asyncify = exports as unknown as AsyncifyExports;
    this.#state = "armed";
  }

  /** Call when `_start` came back: whether it was unwound at the gate (else it ran to its end). */
  unwound(): boolean {
    const did = this.#state === "unwinding";
    if (did) this.#asyncify!.asyncify_stop_unwind();
    this.#state = "open";
    return did;
  }

  /** `_start`, called after this, goes on at the gate. */
  rewind(): void {
    this.#state = "rewinding";
    this.#asyncify!.asyncify_start_rewind(DATA_POINTER);
  }

  /** Asked by every import that tells of the request. True: return at once, whatever the value. */
  stops(): boolean {
    if (this.#state === "open") return false;
    if (this.#state === "armed") {
      this.#state = "unwinding";
      this.#asyncify!.asyncify_start_unwind(DATA_POINTER);
      return true;
    }
    // Called again on the way back: from here on the guest runs by itself.
    this.#asyncify!.asyncify_stop_rewind();
    this.#state = "open";
    return false;
  }
}
