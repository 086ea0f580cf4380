/**
 * Recorder: listens to the sandboxes of one worker and keeps what their requests
 * depended on (`--record`). A sandbox tells it of every begin, question and end;
 * nothing here answers, decides or delays anything: what takes time happens
 * after the answer. Exists only where recording was asked for.
 */
import { ENDED, type HostCall, RUNS_KEPT_MAX, type StartMode, SYSTEM_OPERATION } from "../../../../guest/wasi/channel.ts";
import { FILE_OPERATION } from "../../../../guest/wasi/file-operations.ts";
import { version } from "../../../base/version.ts";
import type { Call, CallFailure, EngineSource } from "../../engine.ts";
import type { WasmFacts } from "../wasm-facts.ts";
import { callDigest, requestDigest, resultPlace } from "./host-call-bytes.ts";
import { type Outcome, RECORDING_FORMAT, type RecordedCall, type RecordedRequest, type Recording } from "./recording.ts";
import { RecordingsFolder } from "./recordings-folder.ts";
import { hidden, Redaction, redactHeaders } from "./redaction.ts";
import { Tape } from "./tape.ts";

export interface RecorderOptions {
  readonly folder: string;
  /** Whether a value of a function's environment is written in the configuration, and no secret. */
  isPlain(functionId: string, name: string, value: string): boolean;
  warn(functionId: string, message: string): void;
}

export interface RunEnd {
  /** One of ENDED. */
  readonly ended: number;
  readonly exitCode: number;
  /** Only valid during the call; null when it is not at hand. */
  readonly stdout: Uint8Array | null;
  readonly stderr: string;
  readonly failure: CallFailure | null;
}

const BODY_MAX_BYTES = 16 * 1024 * 1024;

export class Recorder {
  readonly folder: RecordingsFolder;
  readonly #options: RecorderOptions;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.folder = new RecordingsFolder(options.folder, options.warn);
  }

  /** For one function; `module` is what its sandboxes run. */
  of(source: EngineSource, facts: WasmFacts, module: Uint8Array): FunctionRecorder {
    const { functionId, memoryMaxBytes, timeoutMs, outputMaxBytes, folders } = source;
    const secrets: string[] = [];
    const env: Record<string, string> = {};
    for (const [name, value] of Object.entries(source.env)) {
      const isPlain = this.#options.isPlain(functionId, name, value);
      env[name] = isPlain ? value : hidden(value);
      if (!isPlain) secrets.push(value);
    }
    const constant = {
      format: RECORDING_FORMAT,
      pilotlight: version(),
      functionId,
      module: this.folder.keepModule(functionId, module),
      contract: facts.contract,
      limits: { memoryMaxBytes, timeoutMs, outputMaxBytes },
      folders: folders.map(({ guestName }) => guestName),
      env,
    };
    return { open: (startMode) => new SandboxRecorder({ ...constant, startMode }, secrets, this.folder) };
  }
}

export interface FunctionRecorder {
  open(startMode: StartMode): SandboxRecorder;
}

type Constant = Pick<
  Recording,
  "format" | "pilotlight" | "functionId" | "module" | "contract" | "limits" | "folders" | "env" | "startMode"
>;

interface Run {
  readonly call: Call;
  readonly request: RecordedRequest;
  readonly body: Uint8Array | null;
  readonly redaction: Redaction;
  readonly tape: Tape;
  readonly waits: boolean;
  readonly startMs: number;
  preparation: readonly RecordedCall[];
}

export class SandboxRecorder {
  readonly #constant: Constant;
  readonly #secrets: readonly string[];
  readonly #folder: RecordingsFolder;
  readonly #runs = new Map<number, Run>();
  readonly #plain: Redaction;
  /** What is asked while no request runs: the image is being made. */
  readonly #loading = new Tape();
  /** Of the image that runs which can't be suspended start from. */
  #image: readonly RecordedCall[] = [];
  /** Of the commands that wait for another run, as guest/wasi/runs.ts keeps them. */
  readonly #kept: (readonly RecordedCall[])[] = [];

  constructor(constant: Constant, secrets: readonly string[], folder: RecordingsFolder) {
    this.#constant = constant;
    this.#secrets = secrets;
    this.#folder = folder;
    this.#plain = new Redaction(secrets);
  }

  /** `serve`, listened to. `runningCallId` tells whose turn it is. */
  tap(serve: HostCall, window: Uint8Array, runningCallId: () => number): HostCall {
    return (operation, a, b, c, d, e) => {
      // Told by the names of the folders alone: they are kept as such.
      if (operation === FILE_OPERATION.preopenName) return serve(operation, a, b, c, d, e);
      const run = this.#runs.get(runningCallId());
      if (operation === SYSTEM_OPERATION.prepared) {
        this.#prepared(run);
        return 0;
      }
      const numbers = [a, b, c, d, e] as const;
      const digest = callDigest(operation, numbers, window, run?.redaction ?? this.#plain);
      const result = serve(operation, a, b, c, d, e);
      const place = resultPlace(operation, numbers, result);
      const bytes = place === null ? null : (run?.redaction ?? this.#plain).bytes(window.slice(...place));
      (run?.tape ?? this.#loading).add(operation, digest, result, bytes);
      return result;
    };
  }

  begin(callId: number, call: Call, body: Uint8Array | null, waits: boolean): void {
    const { method, target, headerBlock, host, secure, remoteAddress } = call.exchange;
    const { block, secrets } = redactHeaders(headerBlock);
    const redaction = new Redaction([...this.#secrets, ...secrets]);
    this.#runs.set(callId, {
      call,
      request: { method, target: redaction.text(target), headerBlock: block, host, secure, remoteAddress, body: null },
      body: body === null || body.length > BODY_MAX_BYTES ? body : Uint8Array.from(body),
      redaction,
      tape: new Tape(),
      waits,
      startMs: performance.now(),
      preparation: waits ? (this.#kept.pop() ?? []) : this.#image,
    });
  }

  /** An image was taken: what was asked until now belongs to every run that starts from it. */
  #prepared(run: Run | undefined): void {
    const calls = (run?.tape ?? this.#loading).cutOff();
    if (run !== undefined) run.preparation = calls;
    if (run?.waits !== true) this.#image = calls;
  }

  asked(callId: number, operation: string, args: readonly unknown[]): void {
    const run = this.#runs.get(callId);
    if (run === undefined) return;
    run.tape.ask(operation, requestDigest(args, run.redaction));
  }

  answered(callId: number, code: number, bytes: Uint8Array | null, number: number): void {
    const run = this.#runs.get(callId);
    run?.tape.answer(code, bytes === null ? null : run.redaction.bytes(bytes), number);
  }

  ended(callId: number, { ended, exitCode, stdout, stderr, failure }: RunEnd): void {
    const run = this.#runs.get(callId);
    if (run === undefined) return;
    if (run.waits && this.#kept.length < RUNS_KEPT_MAX) this.#kept.push(run.preparation);
    if (ended === ENDED.heldTooMuch) {
      // What its neighbours held is in no recording.
      this.#runs.delete(callId);
      return;
    }
    const kept = stdout === null ? null : Buffer.from(stdout);
    this.#finish(callId, run, kept?.length ?? 0, () => ({ ended, exitCode, stdout: encoded(kept, run.redaction), stderr, failure }));
  }

  /** By a limit, or by what took the whole sandbox along. */
  stopped(callId: number, failure: CallFailure): void {
    const run = this.#runs.get(callId);
    if (run !== undefined) this.#finish(callId, run, 0, () => ({ ended: null, exitCode: 0, stdout: null, stderr: "", failure }));
  }

  /** Nobody waits for its answer, or it is nobody's fault: there is nothing to look into. */
  forget(callId: number): void {
    this.#runs.delete(callId);
  }

  #finish(callId: number, run: Run, outputBytes: number, outcome: () => Outcome): void {
    this.#runs.delete(callId);
    const recordedAt = new Date().toISOString();
    const tookMs = performance.now() - run.startMs;
    const { requestId } = run.call;
    const name = `${recordedAt.replaceAll(":", "-")}-${requestId.replaceAll(":", "_")}.json`;
    const sizeBytes = run.tape.sizeBytes + (run.body?.length ?? 0) + outputBytes;
    const text = (): string => this.#text(run, { requestId, recordedAt, tookMs }, outcome());
    // Behind the answer, which leaves in this turn of the loop.
    setImmediate(() => this.#folder.keep(this.#constant.functionId, name, sizeBytes, text));
  }

  #text(run: Run, facts: Pick<Recording, "requestId" | "recordedAt" | "tookMs">, outcome: Outcome): string {
    const { request, body, redaction, tape, waits, preparation } = run;
    const isTooLarge = body !== null && body.length > BODY_MAX_BYTES;
    const failure = outcome.failure === null ? null : { code: outcome.failure.code, message: redaction.text(outcome.failure.message) };
    const recording: Recording = {
      ...this.#constant,
      ...facts,
      waits,
      request: { ...request, body: isTooLarge ? null : encoded(body, redaction) },
      preparation,
      calls: tape.calls,
      isCut: tape.isCut || this.#loading.isCut || isTooLarge,
      outcome: { ...outcome, stderr: redaction.text(outcome.stderr), failure },
    };
    return `${JSON.stringify(recording)}\n`;
  }
}

function encoded(bytes: Uint8Array | null, redaction: Redaction): string | null {
  return bytes === null ? null : Buffer.from(redaction.bytes(bytes)).toString("base64");
}
