/**
 * First output: what a program writes to a standard output that might have been
 * an answer. Kept, up to a limit, until it is known that it is not; logged line by
 * line from then on. Read in any case: a full pipe would stop the program.
 */
import type { Readable } from "node:stream";
import { KIB } from "../../../base/units.ts";

const KEPT_MAX_CHARACTERS = 64 * KIB;
const LINE_MAX_CHARACTERS = 8 * KIB;

export class FirstOutput {
  readonly #output: Readable;
  #kept = "";
  #log: ((line: string) => void) | null = null;

  constructor(output: Readable) {
    this.#output = output;
    const decoder = new TextDecoder();
    output.on("data", (chunk: Uint8Array) => this.#take(decoder.decode(chunk, { stream: true })));
    output.on("end", () => this.#end());
    output.on("error", () => {});
  }

  /** It is a log. */
  logTo(log: (line: string) => void): void {
    this.#log = log;
    this.#take("");
    // Whoever read it for an answer may have stopped it.
    this.#output.resume();
  }

  #take(text: string): void {
    if (this.#log === null) {
      this.#kept = (this.#kept + text).slice(0, KEPT_MAX_CHARACTERS);
      return;
    }
    const lines = (this.#kept + text).split("\n");
    this.#kept = lines.pop()!;
    for (const line of lines) this.#log(line.slice(0, LINE_MAX_CHARACTERS));
    if (this.#kept.length > LINE_MAX_CHARACTERS) this.#end();
  }

  #end(): void {
    if (this.#kept !== "") this.#log?.(this.#kept.slice(0, LINE_MAX_CHARACTERS));
    this.#kept = "";
  }
}
