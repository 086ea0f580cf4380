/**
 * Command: an instance of a module that runs `_start` once for every request,
 * each time from the same state. Three ways to get there, decided by the host:
 * `instance` makes a new instance, `reset` puts this one back to what it was
 * after instantiation, `checkpoint` to the moment it first asked for its
 * request.
 */

import { ENDED, type StartMode, SYSTEM_OPERATION, WASM_PAGE_BYTES } from "./channel.ts";
import { Exit, type GuestProcess, MustWait } from "./guest-process.ts";
import { HeldTooMuch } from "./host-requests.ts";
import { type BoundImage, Image } from "./image.ts";
import { instantiate } from "./instantiate.ts";
import { type BufferedOutput, OutputTooLarge } from "./streams.ts";
import { type Exports, type Imports, type Memory, type Module, webAssembly } from "./webassembly.ts";

interface CommandExports {
  _start(): void;
}

/** Text of a trap with its frames, cut where it would not fit the window. */
const FAILURE_MAX_CHARS = 16_000;

export class Command {
  readonly #module: Module;
  readonly #imports: Imports;
  readonly #guest: GuestProcess;
  readonly #mode: StartMode;
  readonly #stdout: BufferedOutput;
  readonly #stderr: BufferedOutput;
  #exports: Exports | null = null;
  #image: Image | null = null;
  #bound: BoundImage | null = null;
  #exitCode = 0;
  #failure = "";
  /** What was written before the image was taken belongs to every answer. */
  #stdoutStart = 0;
  #stderrStart = 0;

  constructor(
    module: Module,
    imports: Imports,
    guest: GuestProcess,
    streams: { readonly stdout: BufferedOutput; readonly stderr: BufferedOutput },
    mode: StartMode,
  ) {
    this.#module = module;
    this.#imports = imports;
    this.#guest = guest;
    this.#stdout = streams.stdout;
    this.#stderr = streams.stderr;
    this.#mode = mode;
  }

  /**
   * Everything that can be done before a request, which in mode `instance` is to
   * see that one can be made. Throws what the guest threw, or what instantiation
   * did; returns what it did so far (NOTED).
   */
  prepare(): number {
    const guest = this.#guest;
    this.#stderr.truncate(0);
    guest.begin();
    const exports = this.#instantiateOnly();
    if (this.#mode === "instance") {
      this.#discard();
      return 0;
    }
    if (this.#mode === "checkpoint") {
      guest.gate.arm(exports);
      try {
        this.#start(exports);
      } catch (error) {
        if (!(error instanceof Exit)) throw error;
      }
      if (!guest.gate.unwound()) throw new Error("it ended without asking for its request");
    }
    this.#image = new Image(exports);
    this.#bound = this.#image.bind(exports);
    this.#stdoutStart = this.#stdout.length;
    this.#stderrStart = this.#stderr.length;
    guest.channel.call(SYSTEM_OPERATION.prepared, 0, 0, 0, 0, 0);
    return guest.noted;
  }

  /** Hot path: one request. One of ENDED; the streams hold the output. */
  run(): number {
    this.#begin();
    try {
      this.#start(this.#freshState());
    } catch (error) {
      if (!(error instanceof Exit)) return this.#failed(error);
      this.#exitCode = error.code;
    } finally {
      // Now, not before the next run: that may be hours away, or in another instance.
      this.#guest.resetDescriptors();
    }
    return ENDED.exited;
  }

  /** As `run`, for an instance that may be suspended. */
  async runSuspendable(): Promise<number> {
    this.#begin();
    try {
      const exports = this.#freshState();
      await webAssembly().promising((exports as unknown as CommandExports)._start)();
      this.#throwEnd();
      return ENDED.exited;
    } catch (error) {
      if (!(error instanceof Exit)) return this.#failed(error);
      this.#exitCode = error.code;
      return ENDED.exited;
    } finally {
      this.#guest.resetDescriptors();
      if (this.#guest.hasWaited) this.#discard();
    }
  }

  /** Of the last run: why it trapped, with its frames. */
  get failure(): string {
    return this.#failure;
  }

  /** Of the last run. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** Of all memories that its instance has: a module may have several, and each may grow to the limit. */
  get memoryPages(): number {
    const { Memory } = webAssembly();
    const memories = new Set(Object.values(this.#exports ?? {}).filter((exported) => exported instanceof Memory));
    return memories.values().reduce((pages, { buffer }) => pages + buffer.byteLength / WASM_PAGE_BYTES, 0);
  }

  /** Lets the instance go: the next request starts from a new one, or from the image in a new one. */
  #discard(): void {
    this.#exports = null;
    this.#bound = null;
    this.#guest.memory.detach();
  }

  #begin(): void {
    this.#stdout.truncate(this.#stdoutStart);
    this.#stderr.truncate(this.#stderrStart);
    this.#guest.begin();
    this.#exitCode = 0;
  }

  #start(exports: Exports): void {
    (exports as unknown as CommandExports)._start();
    this.#throwEnd();
  }

  /** A guest that caught its own end came back as if nothing had been. */
  #throwEnd(): void {
    if (this.#guest.end !== null) throw this.#guest.end;
  }

  #freshState(): Exports {
    if (this.#mode === "instance") return this.#instantiate();
    let exports = this.#exports;
    if (exports === null || !this.#bound!.restore()) {
      exports = this.#again();
    }
    if (this.#mode === "checkpoint") this.#guest.gate.rewind(exports);
    return exports;
  }

  /** The instance is spent: the same state in another one. */
  #again(): Exports {
    if (this.#image!.isRebindable) {
      const exports = this.#instantiate();
      this.#bound = this.#image!.bind(exports);
      this.#bound.restore();
      // The image has what its start function wrote.
      this.#stdout.truncate(this.#stdoutStart);
      this.#stderr.truncate(this.#stderrStart);
      return exports;
    }
    this.#stdout.truncate(0);
    this.#stderr.truncate(0);
    this.prepare();
    return this.#exports!;
  }

  /** Before any request: an exit there would be the end of all of them. */
  #instantiateOnly(): Exports {
    try {
      return this.#instantiate();
    } catch (error) {
      throw error instanceof Exit ? new Error(`its start function ended with exit code ${error.code}`) : error;
    }
  }

  #instantiate(): Exports {
    // A start function runs before its memory is known, and must not be given that of the last instance.
    this.#guest.memory.detach();
    const exports = instantiate(this.#module, this.#imports, this.#guest);
    this.#guest.memory.attach(exports["memory"] as Memory);
    this.#exports = exports;
    return exports;
  }

  #failed(error: unknown): number {
    // Its stack was not unwound properly: an instance that trapped is not used again.
    this.#discard();
    if (error instanceof OutputTooLarge) return ENDED.outputTooLarge;
    if (error instanceof MustWait) return ENDED.waiting;
    if (error instanceof HeldTooMuch) return ENDED.heldTooMuch;
    this.#failure = (error instanceof Error ? (error.stack ?? error.message) : String(error)).slice(0, FAILURE_MAX_CHARS);
    return ENDED.trapped;
  }
}
