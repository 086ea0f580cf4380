/**
 * Output reader: reads a process's standard output or error to its end, line by
 * line, for the log, within the bounds of output-lines.ts. It always reads: a
 * process whose log nobody takes would stop in the middle of a write. Keeps the
 * last lines for messages about its end (last-lines.ts).
 */
import type { Readable } from "node:stream";
import { formatSize, SECOND_MS } from "../../../base/units.ts";
import { LastLines } from "./last-lines.ts";
import { BYTES_PER_SECOND, LINES_PER_SECOND, OutputLines } from "./output-lines.ts";
import { isHoldersLine } from "./process-end.ts";

export type OutputName = "stdout" | "stderr";

/** Where a process's lines go, and what its launcher has to say of it. */
export interface ProcessLog {
  line(output: OutputName, text: string): void;
  note(text: string): void;
}

export class OutputReader {
  /** Settles when the other end is closed by all who had it, or by `stop`. */
  readonly closed: Promise<void>;
  readonly #stream: Readable;
  readonly #name: OutputName;
  readonly #log: ProcessLog;
  readonly #lines: OutputLines;
  readonly #last = new LastLines();
  #reportTimer: NodeJS.Timeout | null = null;

  constructor(stream: Readable, name: OutputName, log: ProcessLog) {
    this.#stream = stream;
    this.#name = name;
    this.#log = log;
    this.#lines = new OutputLines((line) => this.#write(line));
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    // A read that fails ends like one that finds the end.
    stream.on("error", () => {});
    stream.once("close", () => {
      this.#lines.end();
      this.#report();
      resolve();
    });
  }

  lastLines(): string {
    return this.#last.text();
  }

  /** Whoever still writes there (something detached) gets SIGPIPE. */
  stop(): void {
    this.#stream.destroy();
  }

  #read(chunk: Buffer): void {
    this.#lines.push(chunk, performance.now());
    if (this.#lines.droppedCount > 0) this.#reportTimer ??= setTimeout(() => this.#report(), SECOND_MS).unref();
  }

  #write(line: string): void {
    // What holds the process writes to the same place, and is not the function.
    if (isHoldersLine(line)) return;
    this.#last.add(line);
    this.#log.line(this.#name, line);
  }

  #report(): void {
    if (this.#reportTimer !== null) clearTimeout(this.#reportTimer);
    this.#reportTimer = null;
    const dropped = this.#lines.takeDropped();
    if (dropped === 0) return;
    const allowance = `${LINES_PER_SECOND} lines or ${formatSize(BYTES_PER_SECOND)} in a second`;
    this.#log.note(`${dropped} lines of its ${this.#name} were dropped: an instance may write ${allowance}`);
  }
}
