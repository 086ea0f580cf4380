/**
 * Player: stands where the host stood and answers a guest's questions from a
 * recording, in their order. The first question that differs from the recorded
 * one ends the run: from there on nothing could be the same. Asks no clock, no
 * disk and no network.
 */
import { ERRNO } from "../../../../guest/wasi/abi.ts";
import type { HostCall } from "../../../../guest/wasi/channel.ts";
import { SYSTEM_OPERATION } from "../../../../guest/wasi/channel.ts";
import { FILE_OPERATION } from "../../../../guest/wasi/file-operations.ts";
import { callDigest, operationName, requestDigest, resultPlace } from "./host-call-bytes.ts";
import type { RecordedCall, Recording } from "./recording.ts";
import { Redaction } from "./redaction.ts";

/** Thrown into the guest. Its text is told to nobody: `Player.difference` is. */
class Diverged extends Error {}

/** What was redacted is redacted already. */
const NO_SECRETS = new Redaction([]);

export interface RequestAnswer {
  readonly code: number;
  readonly bytes: Uint8Array | null;
  readonly number: number;
}

export class Player {
  readonly #calls: readonly RecordedCall[];
  readonly #folders: readonly string[];
  readonly #wasStopped: boolean;
  #at = 0;
  #difference: string | null = null;
  #isExhausted = false;

  constructor({ preparation, calls, folders, outcome }: Recording) {
    this.#calls = [...preparation, ...calls];
    this.#folders = folders;
    this.#wasStopped = outcome.ended === null;
  }

  /** The first question that was another one, for people; null while there is none. */
  get difference(): string | null {
    return this.#difference;
  }

  /** A run that was stopped got as far as its recording goes. */
  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** Recorded questions that were not asked again, for people; null when there are none. */
  get unasked(): string | null {
    const next = this.#calls[this.#at];
    if (next === undefined || this.#wasStopped) return null;
    return `the guest ended before host call ${this.#at + 1} of ${this.#calls.length}, ${operationName(next.operation)}`;
  }

  tap(window: Uint8Array): HostCall {
    return (operation, a, b, c, d, e) => {
      const numbers = [a, b, c, d, e] as const;
      if (operation === SYSTEM_OPERATION.prepared) return 0;
      if (operation === FILE_OPERATION.preopenName) return this.#preopenName(a, window);
      // It winds up after it was ended.
      if (this.#difference !== null || this.#isExhausted) return -ERRNO.io;
      const { result, bytes } = this.#next(operation, callDigest(operation, numbers, window, NO_SECRETS));
      const place = resultPlace(operation, numbers, result!);
      const kept = Buffer.from(bytes ?? "", "base64");
      const length = place === null ? 0 : place[1] - place[0];
      if (kept.length !== length || (place !== null && place[1] > window.length))
        this.#diverge("its recorded bytes are not as many as its result says");
      if (place !== null) window.set(kept, place[0]);
      return result!;
    };
  }

  /** Null for an answer that never came. Never throws: nothing could catch it. */
  ask(operation: string, args: readonly unknown[]): RequestAnswer | null {
    try {
      const { result, bytes, number } = this.#next(operation, requestDigest(args, NO_SECRETS), true);
      if (result === null) return null;
      return { code: result, bytes: bytes === null ? null : Buffer.from(bytes, "base64"), number };
    } catch (error) {
      if (error instanceof Diverged) return null;
      throw error;
    }
  }

  #next(operation: number | string, digest: string, mayBeUnanswered = false): RecordedCall {
    const recorded = this.#calls[this.#at];
    if (recorded === undefined) {
      if (!this.#wasStopped) this.#diverge(`it asked for ${operationName(operation)}, and the recorded run asked nothing more`);
      this.#isExhausted = true;
      throw new Diverged();
    }
    if (recorded.operation !== operation)
      this.#diverge(`it asked for ${operationName(operation)}, and the recorded run for ${operationName(recorded.operation)}`);
    if (recorded.digest !== digest) this.#diverge(`it called ${operationName(operation)} with other arguments`);
    if (recorded.result === null && !mayBeUnanswered) this.#diverge(`${operationName(operation)} has no recorded result`);
    this.#at++;
    return recorded;
  }

  #diverge(what: string): never {
    this.#difference = `host call ${this.#at + 1} of ${this.#calls.length}: ${what}`;
    throw new Diverged();
  }

  #preopenName(index: number, window: Uint8Array): number {
    const name = this.#folders[index];
    if (name === undefined) return this.#folders.length === 0 ? -ERRNO.nosys : -ERRNO.badf;
    const bytes = Buffer.from(name).subarray(0, window.length);
    window.set(bytes);
    return bytes.length;
  }
}
