/**
 * Config: what `serve` and `dev` run with, after every default is filled and
 * every unit converted. Produced once (parse.ts), frozen, then trusted: behind
 * this type nobody defaults or re-checks. Plain data: it crosses to the worker
 * processes as JSON.
 */
import type { ProcessSettings } from "./process-settings.ts";

export interface Config {
  readonly mode: "serve" | "dev";
  readonly source: Source;
  readonly host: string;
  /** 0 asks the system for a free port. */
  readonly port: number;
  readonly workerCount: number;
  /** Concurrent calls a function may have in one worker; null picks by isolation mode. */
  readonly poolSize: number | null;
  /** Bounded first-in first-out wait for a pool place, then 503. 0 refuses at once. */
  readonly poolWaitTimeoutMs: number;
  /** A `Pool metrics:` line after every so many calls of a function; 0 is off. */
  readonly poolMetricsEvery: number;
  /** Of a function, unless it says otherwise. */
  readonly memoryMaxBytes: number;
  /** The same of one that is an executable: a runtime of its own takes more. */
  readonly processMemoryMaxBytes: number;
  /** Wall time a call may take, awaiting included. */
  readonly timeoutMs: number;
  /** Uninterrupted CPU time one turn of a function may take in the thread lane. */
  readonly cpuTimeoutMs: number;
  readonly cors: boolean;
  readonly quiet: boolean;
  /** Folder served under /static/, absolute; null when there is none. */
  readonly staticDir: string | null;
  readonly staticCacheMaxBytes: number;
  readonly staticCacheMaxFileBytes: number;
  /** Absolute folder for caches, sockets and state. */
  readonly dataDir: string;
  /** Absolute folder for recordings of requests to WebAssembly functions; null records nothing. */
  readonly recordDir: string | null;
  readonly admin: AdminConfig | null;
  readonly tls: TlsConfig | null;
  readonly http: HttpLimits;
  /** A worker whose resident memory passes this is drained and replaced. */
  readonly workerMemoryMaxBytes: number;
  /** Idle sandboxes above this sum are closed, least recently used first. */
  readonly sandboxMemoryBudgetBytes: number;
  readonly jobs: JobsConfig;
  /** Per function, keyed by function id, from pilotlight.yaml. */
  readonly functions: Readonly<Record<string, FunctionOverrides>>;
}

/** Where the functions come from. `path` is absolute. */
export type Source =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "file"; readonly path: string }
  /** Only what the configuration lists, each with its source; the folder is what their paths start at. */
  | { readonly kind: "listed"; readonly path: string }
  | { readonly kind: "eval"; readonly code: string }
  /** Output of `pilotlight build`: nothing is bundled or parsed again. */
  | { readonly kind: "built"; readonly path: string };

export interface AdminConfig {
  readonly host: string;
  readonly port: number;
  /** Asked for by name, not the default: a server that can't open it does not start. */
  readonly named: boolean;
  /** Required off loopback: `Authorization: Bearer <token>`. */
  readonly token: string | null;
  readonly tls: TlsConfig | null;
}

export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface HttpLimits {
  readonly bodyMaxBytes: number;
  readonly headerMaxBytes: number;
  readonly targetMaxBytes: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headerTimeoutMs: number;
  /** The longest silence while a body is being received or a response taken. */
  readonly idleTransferTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly connectionMaxCount: number;
}

/** Calls in the background (docs/jobs.md). */
export interface JobsConfig {
  /** Clients may ask for one: `Prefer: respond-async`. */
  readonly requests: boolean;
  /** Attempts after which a job is dead. */
  readonly attemptsMax: number;
  /** Before the second attempt; doubled for each one after. */
  readonly retryDelayMs: number;
  readonly retryDelayMaxMs: number;
  /** Jobs that one worker runs at once; 0 leaves them to another server of this data folder. */
  readonly concurrency: number;
  /** How long a result can be asked for. */
  readonly keepMs: number;
  /** How long a dead job can be replayed. */
  readonly keepDeadMs: number;
}

export type Isolation =
  | { readonly kind: "shared" }
  | { readonly kind: "request" }
  | { readonly kind: "bounded"; readonly calls: number }
  | { readonly kind: "ttl"; readonly ms: number }
  | { readonly kind: "process" };

/** What a function may reach. Everything absent is denied. */
export interface Allow {
  /** Origins ("https://api.example.com"); "*" is every public address. */
  readonly fetch?: readonly string[];
  /** Folders that a Wasm function sees: "HOST::GUEST" read-only, "HOST::GUEST:rw" writable. */
  readonly dir?: readonly string[];
  /** Names of server environment variables copied into `env`. */
  readonly env?: readonly string[];
  /** Names of what it may keep and send (src/host/capabilities.ts); the first is the one meant when it names none. */
  readonly kv?: readonly string[];
  readonly sql?: readonly string[];
  readonly blob?: readonly string[];
  readonly queue?: readonly string[];
  readonly lock?: readonly string[];
}

export interface FunctionOverrides {
  /** Replaces the id made from the file's path; the key in `functions` is the path-made one. */
  readonly id?: string;
  readonly route?: string;
  /** Where every path is its. */
  readonly port?: number;
  readonly methods?: readonly string[];
  /** Absolute path of the source when it lies outside the folder's own routing. */
  readonly source?: string;
  readonly engine?: EngineName;
  readonly memoryMaxBytes?: number;
  readonly timeoutMs?: number;
  readonly cpuTimeoutMs?: number;
  readonly poolSize?: number;
  readonly isolation?: Isolation;
  readonly env?: Readonly<Record<string, string>>;
  /** Names read from the server's environment; never logged. */
  readonly secrets?: readonly string[];
  readonly allow?: Allow;
  /** Wasm only: may requests continue from an image taken after start-up, randomness included? */
  readonly checkpoint?: boolean;
  /** Wasm, one-shot programs: how requests are told and answers read; by default what its module or its output says. */
  readonly contract?: ContractName;
  /** Wasm, one-shot programs: the most that standard output may hold. */
  readonly outputMaxBytes?: number;
  /** Processes only: what was said of them; the rest is PROCESS_DEFAULTS. */
  readonly process?: Partial<ProcessSettings>;
}

export type ContractName = "gojinn" | "cgi" | "command";

export type EngineName = "javascript" | "wasm" | "process";
