/**
 * ServerOptions: what an embedder passes to createServer. The same settings
 * as flags and pilotlight.yaml, under the same names in camelCase or with
 * underscores; sizes and durations as numbers (bytes, milliseconds) or text.
 * Read and checked like a pilotlight.yaml (tree.ts), which it overrides.
 */
import type { Allow } from "./config.ts";
import type { CallWay, NamespaceKind, SnapshotKind } from "./process-settings.ts";

export interface ServerOptions {
  /** Folder of functions, function file or pilotlight.yaml; the working directory when absent. */
  readonly path?: string;
  /** Source of one function instead of a path. */
  readonly eval?: string;
  /** A pilotlight.yaml elsewhere; false reads none. */
  readonly config?: string | false;
  readonly mode?: "serve" | "dev";

  readonly host?: string;
  /** 0 takes a free port. */
  readonly port?: number;
  readonly workers?: number | "auto";
  readonly pool?: number | "auto";
  readonly memory?: number | string;
  readonly timeout?: number | string;
  readonly cpuTimeout?: number | string;
  readonly cors?: boolean;
  readonly quiet?: boolean;
  readonly static?: string;
  readonly dataDir?: string;
  /** Keep what requests of WebAssembly functions depended on, for `pilotlight replay`. */
  readonly record?: string;
  /** false listens on no admin address. */
  readonly admin?: false | string | { host?: string; port?: number; token?: string; tls?: { cert: string; key: string } };
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly http?: {
    readonly bodyMax?: number | string;
    readonly headerMax?: number | string;
    readonly targetMax?: number | string;
    readonly headerTimeout?: number | string;
    readonly idleTimeout?: number | string;
    readonly keepAliveTimeout?: number | string;
    readonly connectionsMax?: number;
  };
  readonly jobs?: {
    readonly requests?: boolean;
    readonly attempts?: number;
    readonly retryDelay?: number | string;
    readonly retryDelayMax?: number | string;
    readonly concurrency?: number;
    readonly keep?: number | string;
    readonly keepDead?: number | string;
  };
  readonly workerMemory?: number | string;
  readonly sandboxMemoryBudget?: number | string;
  readonly functions?: Readonly<Record<string, FunctionOptions>>;

  readonly poolWaitTimeoutMs?: number;
  readonly poolMetricsEvery?: number;
  readonly staticCacheMaxBytes?: number | string;
  readonly staticCacheMaxFileSize?: number | string;
  /** zigttp's ServerConfig spells these four so. */
  readonly pool_wait_timeout_ms?: number;
  readonly pool_metrics_every?: number;
  readonly static_cache_max_bytes?: number | string;
  readonly static_cache_max_file_size?: number | string;
}

/** Overrides of one function, keyed by its id ("api/users/[id]"). */
export interface FunctionOptions {
  readonly id?: string;
  readonly route?: string;
  readonly port?: number;
  readonly methods?: readonly string[];
  readonly source?: string;
  readonly engine?: "javascript" | "wasm" | "process";
  readonly memory?: number | string;
  readonly timeout?: number | string;
  readonly cpuTimeout?: number | string;
  readonly pool?: number;
  readonly env?: Readonly<Record<string, string | number | boolean>>;
  readonly secrets?: readonly string[];
  readonly allow?: Allow;
  /** "shared", "request", "bounded(100)", "ttl(30s)" or "process". */
  readonly isolation?: string;
  readonly checkpoint?: boolean;
  readonly contract?: "gojinn" | "cgi" | "command";
  readonly output?: number | string;
  readonly process?: ProcessOptions;
}

/** How a function that is an executable is started, called and kept (docs/process-functions.md). */
export interface ProcessOptions {
  readonly command?: readonly string[];
  readonly call?: CallWay;
  readonly min?: number;
  readonly max?: number;
  readonly concurrency?: number;
  readonly queue?: number;
  readonly idleTimeout?: number | string;
  readonly readyTimeout?: number | string;
  readonly stopTimeout?: number | string;
  readonly healthInterval?: number | string;
  readonly snapshot?: SnapshotKind;
  readonly snapshotDir?: string;
  readonly restoreTimeout?: number | string;
  readonly namespaces?: readonly NamespaceKind[];
  readonly cpu?: number;
  readonly openFiles?: number;
  readonly processes?: number;
  readonly ring?: number | string;
  readonly ringChecks?: boolean;
}

/** Keys of ServerOptions that choose the source; all others are settings. */
export const SOURCE_OPTIONS: readonly (keyof ServerOptions)[] = ["path", "eval", "config", "mode"];

/** Returns its argument: gives an editor the types in a file of its own. */
export function defineConfig(options: ServerOptions): ServerOptions {
  return options;
}
