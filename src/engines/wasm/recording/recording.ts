/**
 * Recording: everything that one request to a WebAssembly function depended on,
 * and what became of it, as plain data in one file. Written by recorder.ts, read
 * by `pilotlight replay`. A file may come from anywhere: parse-recording.ts
 * checks it before anything believes it.
 */
import type { StartMode } from "../../../../guest/wasi/channel.ts";
import type { ContractName } from "../../../config/config.ts";
import type { CallFailure } from "../../engine.ts";

/** Grows when what is written changes its meaning. */
export const RECORDING_FORMAT = 1;

/** Of modules, beside the folders of the functions: no function's name begins with a dot. */
export const MODULES_FOLDER = ".modules";

/**
 * One question of the guest to the host, and what it got. A number names a host
 * call (guest/wasi/channel.ts), text a request that it waited for
 * (guest/wasi/host-requests.ts). `digest` is of the arguments. Null for a result
 * that never came.
 */
export interface RecordedCall {
  readonly operation: number | string;
  readonly digest: string;
  readonly result: number | null;
  /** base64; null for none. */
  readonly bytes: string | null;
  readonly number: number;
}

export interface RecordedRequest {
  readonly method: string;
  readonly target: string;
  readonly headerBlock: string;
  readonly host: string;
  readonly secure: boolean;
  readonly remoteAddress: string;
  /** base64; null for none. */
  readonly body: string | null;
}

export interface Outcome {
  /** One of ENDED; null when the host ended it: a limit. */
  readonly ended: number | null;
  readonly exitCode: number;
  /** base64; null when it was not kept. */
  readonly stdout: string | null;
  readonly stderr: string;
  readonly failure: Pick<CallFailure, "code" | "message"> | null;
}

export interface RecordedLimits {
  readonly memoryMaxBytes: number;
  readonly timeoutMs: number;
  readonly outputMaxBytes: number;
}

export interface Recording {
  readonly format: number;
  readonly pilotlight: string;
  readonly functionId: string;
  readonly requestId: string;
  /** ISO 8601. */
  readonly recordedAt: string;
  /** sha256 of the module as it ran (rewritten, prepared), hex. */
  readonly module: string;
  readonly startMode: StartMode;
  /** It ran in an instance that can be suspended. */
  readonly waits: boolean;
  readonly contract: ContractName;
  readonly limits: RecordedLimits;
  /** Guest names of its folders, in their order. */
  readonly folders: readonly string[];
  readonly request: RecordedRequest;
  readonly env: Readonly<Record<string, string>>;
  /** What the image it started from was made with: `checkpoint` only. */
  readonly preparation: readonly RecordedCall[];
  readonly calls: readonly RecordedCall[];
  /** There was more than a recording may hold: it can't be replayed. */
  readonly isCut: boolean;
  /** From its entry to its end. */
  readonly tookMs: number;
  readonly outcome: Outcome;
}
