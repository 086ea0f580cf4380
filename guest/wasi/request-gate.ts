/**
 * Request gate: the moment at which a guest first asks what its request is.
 * Everything before it is the same for every request. A module prepared by
 * src/engines/wasm/prepare/ (Binaryen's asyncify, its asyncify_* exports) can be
 * unwound there once, and every later run goes on from that point: the import
 * that was left is called again, with the same arguments. Only the functions
 * that were on the stack when the module was prepared can unwind; a question
 * from under any other ends the run, for it would be torn apart.
 */
import { GATE_EXPORT } from "./exported-names.ts";
import type { Exports, Memory } from "./webassembly.ts";

interface AsyncifyExports {
  asyncify_start_unwind(data: number): void;
  asyncify_stop_unwind(): void;
  asyncify_start_rewind(data: number): void;
  asyncify_stop_rewind(): void;
}

/** Where asyncify's record lies in that memory: two words, how far the stack reaches and where it must end; then the stack. */
const DATA_POINTER = 0;
const RECORD_BYTES = 16;

/** How V8 ends the line of a frame of WebAssembly. */
const FRAME = /wasm-function\[(\d+)\]:0x[0-9a-f]+\)?$/gm;

/** Functions of WebAssembly on the stack, innermost first, by index. */
export function functionsOnStack(): number[] {
  const v8 = Error as unknown as { stackTraceLimit: number };
  const limit = v8.stackTraceLimit;
  v8.stackTraceLimit = Number.POSITIVE_INFINITY;
  const { stack = "" } = new Error();
  v8.stackTraceLimit = limit;
  return Array.from(stack.matchAll(FRAME), ([, index]) => Number(index));
}

export class RequestGate {
  #state: "open" | "watched" | "armed" | "unwinding" | "rewinding" = "open";
  #asyncify: AsyncifyExports | null = null;
  #unwindable: ReadonlySet<number> = new Set();
  #asked: (() => never) | null = null;

  /** The next question for the request unwinds the guest. */
  arm(exports: Exports): void {
    const gate = Object.entries(exports).find(([name]) => name.startsWith(GATE_EXPORT));
    if (gate === undefined) throw new Error("the module was not prepared for it");
    const [name, memory] = gate as [string, Memory];
    const record = new DataView(memory.buffer);
    record.setUint32(DATA_POINTER, RECORD_BYTES, true);
    record.setUint32(DATA_POINTER + 4, memory.buffer.byteLength, true);
    this.#unwindable = new Set(name.slice(GATE_EXPORT.length).split(",").map(Number));
    this.#asyncify = exports as unknown as AsyncifyExports;
    this.#state = "armed";
  }

  /** Every first question calls `asked`, which throws: for whoever prepares a module, and goes no further. */
  watch(asked: () => never): void {
    this.#asked = asked;
    this.#state = "watched";
  }

  get isUnwinding(): boolean {
    return this.#state === "unwinding";
  }

  /** Call when `_start` came back: whether it was unwound at the gate (else it ran to its end). */
  unwound(): boolean {
    const did = this.#state === "unwinding";
    if (did) this.#asyncify!.asyncify_stop_unwind();
    this.#state = "open";
    return did;
  }

  /** `_start` of this instance, called after this, goes on at the gate. Not always the armed one: an image can be put into another. */
  rewind(exports: Exports): void {
    this.#asyncify = exports as unknown as AsyncifyExports;
    this.#state = "rewinding";
    this.#asyncify.asyncify_start_rewind(DATA_POINTER);
  }

  /** Asked by every import that tells of the request. True: return at once, whatever the value. */
  stops(): boolean {
    if (this.#state === "open") return false;
    if (this.#state === "watched") this.#asked!();
    if (this.#state === "armed") {
      const stranger = functionsOnStack().find((index) => !this.#unwindable.has(index));
      if (stranger !== undefined)
        throw new Error(`it asked for its request under function ${stranger}, which it did not when it was prepared`);
      this.#state = "unwinding";
      this.#asyncify!.asyncify_start_unwind(DATA_POINTER);
      return true;
    }
    // Called again on the way back: from here on the guest runs by itself.
    this.#asyncify!.asyncify_stop_rewind();
    this.#state = "open";
    this.#asked?.();
    return false;
  }
}
