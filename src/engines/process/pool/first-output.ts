/**
 * First output: what a program writes to a standard output that might have been an
 * answer. Kept, up to a limit, until it is known that it is not; logged line by
 * line from then on. Read in any case: a full pipe would stop the program.
 */
import type { Readable } from "node:stream";
import { KIB, SECOND_MS } from "../../../base/units.ts";
import { OutputLines } from "../launch/output-lines.ts";

const KEPT_MAX_BYTES = 64 * KIB;

export class FirstOutput {
  readonly #output: Readable;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #lines: OutputLines | null = null;
  #write: (line: string) => void = () => {};
  #reportedMs = Number.NEGATIVE_INFINITY;

  constructor(output: Readable) {
    this.#output = output;
    output.on("data", (chunk: Buffer) => this.#take(chunk));
    output.on("close", () => this.#end());
    output.on("error", () => {});
  }

  /** It is a log. */
  logTo(write: (line: string) => void): void {
    const kept = this.#kept;
    this.#kept = [];
    this.#write = write;
    this.#lines = new OutputLines(write);
    for (const chunk of kept) this.#take(chunk);
    if (this.#output.closed) this.#end();
    // Whoever read it for an answer may have stopped it.
    this.#output.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#lines !== null) {
      const nowMs = performance.now();
      this.#lines.push(chunk, nowMs);
      if (nowMs - this.#reportedMs >= SECOND_MS) this.#report(nowMs);
    } else if (this.#keptBytes < KEPT_MAX_BYTES) {
      this.#kept.push(chunk);
      this.#keptBytes += chunk.length;
    }
  }

  #end(): void {
    this.#lines?.end();
    this.#report(performance.now());
  }

  #report(nowMs: number): void {
    const dropped = this.#lines?.takeDropped() ?? 0;
    if (dropped === 0) return;
    this.#reportedMs = nowMs;
    this.#write(`(${dropped} lines of its standard output were dropped)`);
  }
}
