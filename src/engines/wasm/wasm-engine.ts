/**
 * The WebAssembly engine: modules that were checked and rewritten when they were
 * built (build-module.ts), compiled once per worker, each function in an isolate
 * of its own with the WASI shim. A module that can't be prepared the way its
 * facts say is served by a new instance for every request.
 */
import type ivm from "isolated-vm";
import { MAY_WAIT, type StartMode } from "../../../guest/wasi/channel.ts";
import { builtin } from "../../base/builtin.ts";
import type { Engine, EngineSource, Sandbox, Template } from "../engine.ts";
import { SandboxError } from "../engine.ts";
import { LaneHistory } from "../isolate/lane.ts";
import { SpareIsolates } from "../isolate/spare-isolates.ts";
import { compileModule } from "./compile-module.ts";
import { CONTRACTS } from "./contracts/by-name.ts";
import type { FunctionRecorder, Recorder } from "./recording/recorder.ts";
import type { WasmCode, WasmSandboxHost } from "./wasm-code.ts";
import { parseFacts, type WasmFacts } from "./wasm-facts.ts";
import { WasmSandbox } from "./wasm-sandbox.ts";

const WASI = "wasi_snapshot_preview1";

export interface WasmEngineOptions extends Omit<WasmSandboxHost, "isolates"> {
  /** Of the shim (guest/wasi/boot.ts). */
  readonly snapshot: ivm.ExternalCopy<ArrayBuffer>;
  onCatastrophe(functionId: string, message: string): void;
  /** Keeps what requests depended on. */
  readonly recorder?: Recorder | null;
}

export class WasmEngine implements Engine {
  readonly name = "wasm";
  readonly #host: WasmSandboxHost;
  readonly #recorder: Recorder | null;

  constructor(options: WasmEngineOptions) {
    const { snapshot, onCatastrophe, recorder = null, ...host } = options;
    this.#recorder = recorder;
    this.#host = { ...host, isolates: new SpareIsolates(snapshot, onCatastrophe) };
  }

  async prepare(source: EngineSource): Promise<WasmTemplate> {
    const bytes = builtin.fs.readFileSync(source.codeFile);
    const facts = parseFacts(builtin.fs.readFileSync(source.mapFile, "utf8"), source.mapFile);
    if (!facts.ok) throw new SandboxError({ code: "LOAD_FAILED", message: facts.failure.message });
    let module: WebAssembly.Module;
    try {
      module = await compileModule(bytes);
    } catch (error) {
      throw new SandboxError({ code: "LOAD_FAILED", message: `${source.functionId} does not compile: ${(error as Error).message}` });
    }
    return new WasmTemplate(source, facts.value, module, this.#host, this.#recorder?.of(source, facts.value, bytes) ?? null);
  }

  close(): void {
    this.#host.isolates.close();
  }
}

export class WasmTemplate implements Template {
  readonly #code: WasmCode;
  readonly #host: WasmSandboxHost;
  #mode: StartMode;

  constructor(
    source: EngineSource,
    facts: WasmFacts,
    module: WebAssembly.Module,
    host: WasmSandboxHost,
    recorder: FunctionRecorder | null,
  ) {
    this.#host = host;
    this.#mode = facts.mode;
    this.#code = {
      ...source,
      cpuTimeoutMs: Math.min(source.cpuTimeoutMs, source.timeoutMs),
      // Go and Rust import poll_oneoff whether they sleep or not: of those it is learned, unless files forbid to run a request twice.
      waits: facts.imports.some(
        (name) => (name !== `${WASI}.poll_oneoff` || source.folders.length > 0) && MAY_WAIT.has(name.slice(name.indexOf(".") + 1)),
      ),
      module,
      contract: CONTRACTS[facts.contract],
      lanes: new LaneHistory(),
      recorder,
    };
  }

  async open(): Promise<Sandbox> {
    const sandbox = new WasmSandbox(this.#code, this.#mode, this.#host);
    try {
      await sandbox.load();
      return sandbox;
    } catch (error) {
      sandbox.close();
      if (this.#mode === "instance") throw error;
      this.#fallBack(error);
      return this.open();
    }
  }

  /** Whether the module can be instantiated, within the function's limits: without it every call fails. Rejects with SandboxError. */
  async tryStart(): Promise<void> {
    const sandbox = new WasmSandbox({ ...this.#code, recorder: null }, "instance", this.#host);
    try {
      await sandbox.tryStart();
    } finally {
      sandbox.close();
    }
  }

  get lane(): "thread" | "loop" {
    return this.#code.lanes.lane;
  }
  get startMode(): StartMode {
    return this.#mode;
  }
  get promotionCount(): number {
    return this.#code.lanes.promotionCount;
  }
  get demotionCount(): number {
    return this.#code.lanes.demotionCount;
  }

  /** Nothing is held: a sandbox that is being opened for calls that waited still opens. */
  close(): void {}

  /** Requests must not fail because something that would have made them faster did. */
  #fallBack(error: unknown): void {
    // A module that was prepared for checkpoints can be put back as well.
    const slower = this.#mode === "checkpoint" ? "reset" : "instance";
    const why = error instanceof SandboxError ? error.failure.message : String(error);
    this.#host.onGuestLog(
      this.#code.functionId,
      "warn",
      `Cannot start requests by ${this.#mode}: ${why}. Requests start by ${slower} instead`,
    );
    this.#mode = slower;
  }
}
