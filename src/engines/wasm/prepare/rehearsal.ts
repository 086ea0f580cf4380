/**
 * Rehearsal: runs a module, without any request, to the moment it first asks
 * for one, in plain Node and with the shim that its isolates will have. Tells
 * who was on the stack then, and what the module did before that it can't do
 * once for all requests. The host refuses it everything but clocks and random
 * bytes. The module is hostile: only in a process that can be killed.
 */
import { BLOCK_BYTES, channelOn, partsOf } from "../../../../guest/wasi/channel.ts";
import { KIB } from "../../../base/units.ts";
import { createHostCalls } from "../host-calls.ts";
import { trapSummary } from "../trap-text.ts";
import type { Exports, Guest, GuestParts, Imports, Output, Shim } from "./shim.ts";

/** Before any question, little is written; what writes more than this is no command that serves requests. */
const OUTPUT_MAX_BYTES = 64 * KIB;
const PROGRAM_NAME = "function\0";

/** Thrown through the guest's frames at its question. */
const ASKED = Object.freeze({ asked: true });

const UNASKED = "it ended without asking for its request";

/** How a run without a request ended; null when it asked for one. */
export type Ended = string | null;

export class Rehearsal {
  readonly #shim: Shim;
  readonly #module: WebAssembly.Module;
  readonly #imports: Imports;
  readonly #guest: Guest;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #untouched: string;
  #stack: readonly number[] = [];
  #looksAtStack = false;

  constructor(shim: Shim, module: WebAssembly.Module, environIsRequest: boolean) {
    this.#shim = shim;
    this.#module = module;
    this.#stdout = new shim.BufferedOutput(OUTPUT_MAX_BYTES, "end");
    this.#stderr = new shim.BufferedOutput(OUTPUT_MAX_BYTES, "drop");
    const shared = new SharedArrayBuffer(BLOCK_BYTES);
    const { window } = partsOf(shared);
    const internal = { log: () => {}, onInternalError: () => {} };
    const channel = channelOn(shared, createHostCalls({ window, files: null, streams: null, ...internal }));
    const parts = {
      channel,
      descriptors: new shim.FdTable([], () => shim.preopenedFolders(channel) as never),
      stdin: new shim.BufferedInput(),
      stdout: this.#stdout,
      stderr: this.#stderr,
      environIsRequest,
      block: null,
      requests: null,
    } satisfies Record<keyof GuestParts, unknown>;
    this.#guest = new shim.GuestProcess(parts as never);
    this.#guest.args = [Buffer.from(PROGRAM_NAME)];
    this.#untouched = this.#descriptors();
    const wasi = shim.wasiImports(this.#guest as never);
    this.#imports = {
      wasi_snapshot_preview1: wasi,
      wasi_unstable: wasi,
      gojinn: shim.gojinnImports(this.#guest as never),
      pilotlight: shim.pilotlightImports(this.#guest as never),
    };
  }

  /** Throws what the start function of the module throws. */
  instantiate(): Exports {
    this.#guest.noted = 0;
    this.#guest.end = null;
    const exports = this.#shim.instantiate(this.#module as never, this.#imports, this.#guest as never);
    this.use(exports);
    return exports;
  }

  /** Of several instances, the one that runs next. */
  use(exports: Exports): void {
    this.#guest.memory.attach(exports["memory"] as never);
  }

  /** From the start to the question, of an instance that is fresh or was put back. */
  toQuestion(exports: Exports): Ended {
    this.#guest.gate.watch(this.#atQuestion);
    return this.#run(exports);
  }

  /** From an image that was taken when it was unwound, back to the question. */
  toQuestionAgain(exports: Exports): Ended {
    this.#guest.gate.watch(this.#atQuestion);
    this.#guest.gate.rewind(exports);
    return this.#run(exports);
  }

  /** To the question and out again. Then the instance's state is what a checkpoint keeps. */
  unwind(exports: Exports): Ended {
    this.#guest.gate.arm(exports);
    try {
      const ended = this.#run(exports);
      if (ended !== UNASKED) return `it does not reach its question again: ${ended}`;
      return this.#guest.gate.unwound() ? null : ended;
    } catch (error) {
      return `it can't be left at its question: ${trapSummary(String(error))}`;
    }
  }

  /** Functions that were on the stack at the last question, innermost first, each once. */
  get stack(): readonly number[] {
    return this.#stack;
  }

  /** Bits of NOTED since it was instantiated. */
  get noted(): number {
    return this.#guest.noted;
  }

  /** Descriptors are the shim's, not the module's: no image holds them. Their flags mean nothing to streams that are whole (Go sets them). */
  get changedDescriptors(): boolean {
    return this.#descriptors() !== this.#untouched;
  }

  /** Between two runs. */
  reset(): void {
    this.#guest.descriptors.reset();
    this.#stdout.truncate(0);
    this.#stderr.truncate(0);
  }

  /** Of the next question. Dear, so not of runs that are measured. */
  lookAtStack(): void {
    this.#looksAtStack = true;
  }

  readonly #atQuestion = (): never => {
    if (this.#looksAtStack) this.#stack = [...new Set(this.#shim.functionsOnStack())];
    this.#looksAtStack = false;
    throw ASKED;
  };

  #run(exports: Exports): Ended {
    this.#guest.end = null;
    try {
      (exports as unknown as { _start(): void })._start();
      if (this.#guest.end !== null) throw this.#guest.end;
      return UNASKED;
    } catch (error) {
      if (error === ASKED) return null;
      if (error instanceof this.#shim.Exit) return `it ended with exit code ${error.code} without asking for its request`;
      if (error instanceof this.#shim.MustWait) return "it waits, or asks its host for something, before it asks for its request";
      if (this.#guest.gate.isUnwinding) throw error;
      return `it fails before it asks for its request: ${trapSummary(String(error))}`;
    }
  }

  #descriptors(): string {
    const text = (key: string, value: unknown): unknown => (key === "fdflags" ? 0 : typeof value === "bigint" ? value.toString() : value);
    return JSON.stringify([...this.#guest.descriptors.entries()], text);
  }
}
