/**
 * Output lines: what a process writes to standard output or error, cut into
 * lines for the log. Bounded in every direction, since hostile and broken
 * programs write for ever: a longer line is cut, and what passes the rate is
 * counted and dropped, so that a flood costs one look at each byte and no memory.
 * Pure; the caller passes chunks and the time, and asks for the count of the dropped.
 */
import { KIB, MIB, SECOND_MS } from "../../../base/units.ts";

export const LINE_MAX_BYTES = 16 * KIB;
export const LINES_PER_SECOND = 1_000;
export const BYTES_PER_SECOND = MIB;

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const CUT_MARK = "…";

export class OutputLines {
  readonly #write: (line: string) => void;
  /** The beginning of a line whose end has not come. */
  #parts: Buffer[] = [];
  #partBytes = 0;
  /** What follows up to the next line feed belongs to a line that was cut, or to one that is dropped. */
  #skipsLine = false;
  #windowStartMs = Number.NEGATIVE_INFINITY;
  #windowLines = 0;
  #windowBytes = 0;
  #dropped = 0;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  push(chunk: Buffer, nowMs: number): void {
    if (nowMs - this.#windowStartMs >= SECOND_MS) this.#beginWindow(nowMs);
    for (let start = 0; start < chunk.length; ) {
      if (this.#isOver()) {
        this.#drop(chunk, start);
        return;
      }
      const end = chunk.indexOf(LINE_FEED, start);
      if (end === -1) {
        this.#keep(chunk.subarray(start));
        return;
      }
      this.#endLine(chunk.subarray(start, end));
      start = end + 1;
    }
  }

  /** No more will come: the last line needs no line feed. */
  end(): void {
    if (this.#partBytes > 0) this.#endLine(Buffer.alloc(0));
  }

  /** Lines dropped since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  get droppedCount(): number {
    return this.#dropped;
  }

  #endLine(rest: Buffer): void {
    if (this.#skipsLine) {
      this.#skipsLine = false;
      return;
    }
    this.#keep(rest);
    // Cut while it was kept: it is written already, and its end is here.
    if (this.#skipsLine) this.#skipsLine = false;
    else this.#flush("");
  }

  #keep(part: Buffer): void {
    if (this.#skipsLine || part.length === 0) return;
    const room = LINE_MAX_BYTES - this.#partBytes;
    // A copy: a chunk is a slice of a larger buffer, which a few bytes would keep alive.
    this.#parts.push(Buffer.from(part.subarray(0, room)));
    this.#partBytes += Math.min(part.length, room);
    if (part.length <= room) return;
    this.#flush(CUT_MARK);
    this.#skipsLine = true;
  }

  #flush(mark: string): void {
    let line = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    if (line.at(-1) === CARRIAGE_RETURN) line = line.subarray(0, -1);
    this.#windowLines++;
    this.#windowBytes += line.length;
    this.#write(line.toString("utf8") + mark);
  }

  #drop(chunk: Buffer, start: number): void {
    if (!this.#skipsLine && this.#partBytes > 0) this.#discardPart();
    let isInLine = this.#skipsLine;
    for (let at = start; at < chunk.length; at++) {
      if (!isInLine) {
        this.#dropped++;
        isInLine = true;
      }
      if (chunk[at] === LINE_FEED) isInLine = false;
    }
    this.#skipsLine = isInLine;
  }

  #discardPart(): void {
    this.#parts = [];
    this.#partBytes = 0;
    this.#dropped++;
    this.#skipsLine = true;
  }

  #isOver(): boolean {
    return this.#windowLines >= LINES_PER_SECOND || this.#windowBytes >= BYTES_PER_SECOND;
  }

  #beginWindow(nowMs: number): void {
    this.#windowStartMs = nowMs;
    this.#windowLines = 0;
    this.#windowBytes = 0;
  }
}
