/**
 * Guest process: one run of a command module as WASI describes it: arguments,
 * environment, streams, descriptors, memory. The imports (imports.ts, files.ts)
 * act on it; whoever runs it (command.ts) resets it between requests.
 */
import { CLOCK } from "./abi.ts";
import { type Channel, NOTED, SYSTEM_OPERATION } from "./channel.ts";
import type { FdTable } from "./fd-table.ts";
import { FILE_OPERATION } from "./file-operations.ts";
import { GuestMemory } from "./guest-memory.ts";
import type { Argument, HostAnswer, HostRequests } from "./host-requests.ts";
import { RequestGate } from "./request-gate.ts";
import type { Input, Output } from "./streams.ts";

/** Thrown through the guest's frames by proc_exit. */
export class Exit {
  readonly code: number;

  constructor(code: number) {
    this.code = code;
  }
}

/** Thrown when a guest would have to wait and its instance can't be suspended: it is run again in one that can. */
export class MustWait {}

export interface ProcessParts {
  readonly channel: Channel;
  readonly descriptors: FdTable;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The environment belongs to the request (CGI): asking for it is asking for the request. */
  readonly environIsRequest: boolean;
  /** Blocks this thread for so long; null where that would hold up others. */
  readonly block: ((us: number) => void) | null;
  /** For instances that can be suspended; null for those that can't. */
  readonly requests: HostRequests | null;
}

const WORD = 2 ** 32;

export class GuestProcess {
  readonly memory = new GuestMemory();
  readonly gate = new RequestGate();
  readonly channel: Channel;
  readonly descriptors: FdTable;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environIsRequest: boolean;
  readonly #block: ProcessParts["block"];
  readonly #requests: HostRequests | null;
  runId = 0;
  /** Its start function runs. */
  isStarting = false;
  /** It has been suspended in this run. */
  hasWaited = false;
  /** NUL-ended strings one after the other, as WASI hands them over. */
  args: readonly Uint8Array[] = [];
  environ: readonly Uint8Array[] = [];
  /** What ended the run, from then until the next begins (guarded.ts). */
  end: unknown = null;
  /** Bits of NOTED, gathered since they were last cleared. */
  noted = 0;

  constructor(parts: ProcessParts) {
    this.channel = parts.channel;
    this.descriptors = parts.descriptors;
    this.stdin = parts.stdin;
    this.stdout = parts.stdout;
    this.stderr = parts.stderr;
    this.environIsRequest = parts.environIsRequest;
    this.#block = parts.block;
    this.#requests = parts.requests;
  }

  /** Another run: nothing is known of it yet. */
  begin(): void {
    this.end = null;
    this.noted = 0;
  }

  /** Suspends the guest until the host has answered. */
  ask(operation: string, ...args: Argument[]): Promise<HostAnswer> {
    if (this.#requests === null) throw new MustWait();
    this.noted |= NOTED.usedHost;
    this.hasWaited = true;
    return this.#requests.ask(this.runId, operation, args);
  }

  /** As a program finds things when it starts: what the last one left open is closed. */
  resetDescriptors(): void {
    const { descriptors, channel } = this;
    if (!descriptors.isTouched) return;
    for (const [, { kind, handle, preopenName }] of descriptors.entries()) {
      if (kind === "file" && preopenName === null) channel.call(FILE_OPERATION.close, handle, 0, 0, 0, 0);
    }
    descriptors.reset();
  }

  sleep(us: number): void | Promise<void> {
    this.noted |= NOTED.slept;
    if (this.#block !== null) return this.#block(us);
    if (this.#requests === null) throw new MustWait();
    this.hasWaited = true;
    return this.#requests.ask(this.runId, "sleep", [us]).then(() => {});
  }

  /** Nanoseconds; null for a clock that WASI does not know. */
  nowNs(clock: number): bigint | null {
    this.noted |= NOTED.readClock;
    // Date.now() is enough for no clock of WASI, and the host's are one call away.
    if (clock < CLOCK.realtime || clock > CLOCK.threadCputime) return null;
    const { call, window } = this.channel;
    call(SYSTEM_OPERATION.clock, clock, 0, 0, 0, 0);
    const words = new DataView(window.buffer, window.byteOffset, 8);
    return BigInt(words.getUint32(0, true)) + BigInt(words.getUint32(4, true)) * BigInt(WORD);
  }

  fillRandom(into: Uint8Array): void {
    this.noted |= NOTED.readRandom;
    const { call, window } = this.channel;
    for (let at = 0; at < into.length; ) {
      const count = call(SYSTEM_OPERATION.random, Math.min(window.length, into.length - at), 0, 0, 0, 0);
      into.set(window.subarray(0, count), at);
      at += count;
    }
  }
}
