/**
 * Wasm realm: one isolate that holds a module, connected to the host. Owns the
 * shared block and the entries; knows nothing of calls, lanes or contracts.
 */
import ivm from "isolated-vm";
import {
  type BootSettings,
  CONTROL,
  type Entries,
  type HostCall,
  partsOf,
  type RunEnded,
  STDERR_OFFSET,
  WASM_PAGE_BYTES,
} from "../../../guest/wasi/channel.ts";
import type { Entry } from "../isolate/turn-runner.ts";
import type { HostFiles } from "./files/host-files.ts";
import { createHostCalls, type HostCallsOptions } from "./host-calls.ts";
import { giveBlock, takeBlock } from "./shared-blocks.ts";

export interface RealmSettings extends Omit<BootSettings, "args" | "environ"> {
  readonly args: readonly string[];
  /** "K=V". */
  readonly environ: readonly string[];
}

export interface RealmCalls extends Omit<HostCallsOptions, "window" | "files"> {
  /** A guest waits for `operation`; the answer goes to `settle` under its ticket, in a later turn. */
  ask(ticket: number, runId: number, operation: string, ...args: unknown[]): void;
  /** A run begun by `start` is over; what it left must be read before this returns. */
  ended: RunEnded;
  /** Made with the window through which it is asked; null when the guest has no folders. */
  readonly files: ((window: Uint8Array) => HostFiles) | null;
  /** Stands between guest and host: listens, or answers in its place. */
  readonly tap?: ((serve: HostCall, window: Uint8Array) => HostCall) | null;
}

/** Input of one request that does not fit the inbox, or its place in it. */
export type RealmInput =
  | [environBytes: number, stdinBytes: number]
  | [environBytes: number, stdinBytes: number, apart: ivm.Copy<ArrayBuffer>];

export class WasmRealm {
  readonly prepare: Entry;
  readonly run: Entry;
  readonly start: Entry;
  readonly settle: Entry;
  readonly abandon: Entry;
  readonly output: Entry;
  readonly files: HostFiles | null;
  readonly #entries: Entry[] = [];
  readonly #shared: SharedArrayBuffer;
  readonly #inbox: Buffer;
  readonly #outbox: Buffer;
  readonly #window: Buffer;
  readonly #control: Int32Array;

  constructor(context: ivm.Context, module: WebAssembly.Module, settings: RealmSettings, calls: RealmCalls) {
    const shared = takeBlock();
    this.#shared = shared;
    const { control, inbox, outbox, window } = partsOf(shared);
    this.#control = control;
    this.#inbox = Buffer.from(shared, inbox.byteOffset, inbox.byteLength);
    this.#outbox = Buffer.from(shared, outbox.byteOffset, outbox.byteLength);
    this.#window = Buffer.from(shared, window.byteOffset, window.byteLength);
    const { args, environ, ...rest } = settings;
    this.files = calls.files?.(window) ?? null;
    const served = createHostCalls({ ...calls, files: this.files, window });
    const call = calls.tap?.(served, window) ?? served;
    const boot = context.global.getSync("__pilotlight_boot", { reference: true }) as ivm.Reference;
    const entries = boot.applySync(
      undefined,
      [
        new ivm.ExternalCopy(shared).copyInto({ release: true }),
        new ivm.Callback(call),
        new ivm.Callback(calls.ask),
        new ivm.Callback(calls.ended),
        // Released at once: a compiled module that isolated-vm holds keeps the process from its end.
        new ivm.ExternalCopy(module).copyInto({ release: true }),
        new ivm.ExternalCopy({ ...rest, args: nulEnded(args), environ: nulEnded(environ) } satisfies BootSettings).copyInto({
          release: true,
        }),
      ],
      { result: { reference: true } },
    ) as ivm.Reference<Entries>;
    boot.release();
    const entry = (name: keyof Entries): Entry => {
      const reference = entries.getSync(name, { reference: true }) as unknown as Entry;
      this.#entries.push(reference);
      return reference;
    };
    this.prepare = entry("prepare");
    this.run = entry("run");
    this.start = entry("start");
    this.settle = entry("settle");
    this.abandon = entry("abandon");
    this.output = entry("output");
    entries.release();
  }

  /** Its isolate is gone; `isStill` says that no turn of it may still be running. */
  release(isStill = true): void {
    if (isStill) giveBlock(this.#shared);
    for (const entry of this.#entries.splice(0)) (entry as unknown as ivm.Reference).release();
    this.files?.close();
  }

  /** Hot path: writes a request's input to where the guest will find it, and returns what its entry wants. */
  input(environ: string, stdin: string | Uint8Array | null): RealmInput {
    const inbox = this.#inbox;
    // A character of UTF-16 is at most three bytes of UTF-8.
    const stdinMost = stdin === null ? 0 : typeof stdin === "string" ? stdin.length * 3 : stdin.length;
    if (environ.length * 3 + stdinMost > inbox.length) return inputApart(environ, stdin);
    const environBytes = environ === "" ? 0 : inbox.write(environ, 0, "utf8");
    if (stdin === null) return [environBytes, 0];
    if (typeof stdin === "string") return [environBytes, inbox.write(stdin, environBytes, "utf8")];
    inbox.set(stdin, environBytes);
    return [environBytes, stdin.length];
  }

  get exitCode(): number {
    return this.#control[CONTROL.exitCode]!;
  }

  get noted(): number {
    return this.#control[CONTROL.noted]!;
  }

  /** Memory of the runs that wait. */
  get heldBytes(): number {
    return this.#control[CONTROL.heldPages]! * WASM_PAGE_BYTES;
  }

  /** Valid until the next run; null when it has to be asked for by `output`. */
  stdout(): Buffer | null {
    const length = this.#control[CONTROL.stdoutLength]!;
    return length <= this.#outbox.length ? this.#outbox.subarray(0, length) : null;
  }

  /** "" when there is none. */
  stderr(): string {
    const length = this.#control[CONTROL.stderrLength]!;
    return length === 0 ? "" : this.#window.toString("utf8", STDERR_OFFSET, STDERR_OFFSET + length);
  }

  /** What a run that is not over has written to standard error since it last waited; "" when there is none. It may still be writing. */
  unfinishedStderr(): string {
    const length = this.#control[CONTROL.writtenLength]!;
    return length === 0 ? "" : this.#outbox.toString("utf8", 0, length);
  }

  /** Only while its guest asks for something: one that writes at the same time would bring it back. */
  forgetUnfinishedStderr(): void {
    this.#control[CONTROL.writtenLength] = 0;
  }

  /** Why the guest trapped, with its frames. */
  failureText(): string {
    return this.#window.toString("utf16le", 0, this.#control[CONTROL.failureLength]!);
  }
}

function nulEnded(strings: readonly string[]): Uint8Array {
  return new TextEncoder().encode(strings.map((one) => `${one}\0`).join(""));
}

function inputApart(environ: string, stdin: string | Uint8Array | null): RealmInput {
  const head = Buffer.from(environ, "utf8");
  const body = stdin === null ? Buffer.alloc(0) : typeof stdin === "string" ? Buffer.from(stdin, "utf8") : stdin;
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return [
    head.length,
    body.length,
    new ivm.ExternalCopy(bytes.buffer, { transferOut: true }).copyInto({ release: true, transferIn: true }),
  ];
}
