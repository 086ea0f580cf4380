/**
 * FunctionSpec: one deployed function as the workers see it, every default
 * filled in. Plain data: the supervisor makes it from the folder and the
 * configuration, and sends it to the workers as JSON.
 */
import type { Failure } from "../base/result.ts";
import type { Allow, ContractName, EngineName, Isolation } from "../config/config.ts";
import type { ProcessSettings } from "../config/process-settings.ts";
import type { SharedFolder } from "../engines/engine.ts";

export interface FunctionSpec {
  /** Path inside the folder without extension: "api/users/[id]". "main" for a single file or -e. */
  readonly id: string;
  /** "/api/users/:id", "/files/*", or "/*" for a single file. */
  readonly route: string;
  /** Where every path is its; null without one of its own. */
  readonly port: number | null;
  /** Upper-case methods this function takes; null takes what its exports say (or all). */
  readonly methods: readonly string[] | null;
  readonly engine: EngineName;
  /** Of Wasm and of one-shot programs; null lets the module or the output tell. */
  readonly contract: ContractName | null;
  readonly outputMaxBytes: number;
  /** Wasm only: may randomness repeat in every request? */
  readonly checkpoint: boolean;
  /** Of a function that is an executable; null for others. */
  readonly process: ProcessSettings | null;
  /** Absolute path of the source file; "" for -e. */
  readonly file: string;
  readonly memoryMaxBytes: number;
  readonly timeoutMs: number;
  readonly cpuTimeoutMs: number;
  readonly poolSize: number;
  readonly isolation: Isolation;
  /** Values of `env` for the guest: named ones, secrets included. Never log this. */
  readonly env: Readonly<Record<string, string>>;
  readonly allow: Allow;
  /** Of allow.dir, with absolute paths. */
  readonly folders: readonly SharedFolder[];
  /** Where its bundle lies, once built; null until the first call asks for it. */
  readonly bundle: BundleRef | null;
  /** Why it can't be served (no engine for it, bad override): calls answer 500 with the code. */
  readonly failure: Failure | null;
}

/**
 * A built function on disk: a bundle of JavaScript that calls `__pilotlight_install(exports)`, with its source map and V8's
 * code cache; or a rewritten WebAssembly module with its facts (wasm-facts.ts) where the source map would be.
 */
export interface BundleRef {
  /** sha256 of what it was made of, hex. */
  readonly hash: string;
  readonly codeFile: string;
  readonly mapFile: string;
  /** May not exist: then V8 compiles. */
  readonly codeCacheFile: string;
  /** Method exports found by the bundler (GET, POST …), or null when a default export or handler takes all. */
  readonly methods: readonly string[] | null;
  /** The bundle imports AsyncLocalStorage: it was lowered to generators so that promises carry the context. */
  readonly tracksAsyncContext: boolean;
}

export interface Deployment {
  /** Grows with every reload. */
  readonly version: number;
  readonly functions: readonly FunctionSpec[];
}
