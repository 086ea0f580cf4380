/**
 * LogHub: every record of the server meets here, from the workers (as lines of
 * JSON already) and from the supervisor itself, and goes on to the sink and to
 * the ring. Serve prints lines as they are; dev prints them for people.
 * Records below `info` stay in the ring.
 */
import { formatRecord, type LogLevel } from "./log-record.ts";
import { LogRing } from "./log-ring.ts";

export type Sink = (text: string) => void;

/** Turns one line of JSON into what a person reads. */
export type LineStyle = (line: string) => string;

const DEBUG_MARK = '"level":"debug"';
/** A level stands before anything a function could have written (formatRecord). */
const LEVEL_WITHIN = 60;

export class LogHub {
  readonly ring = new LogRing();
  readonly #sink: Sink;
  readonly #style: LineStyle | null;

  constructor(sink: Sink, style: LineStyle | null) {
    this.#sink = sink;
    this.#style = style;
  }

  /** A worker's batch: whole lines, each ended by a newline. */
  accept(lines: string): void {
    let printed = "";
    for (const line of lines.split("\n")) {
      if (line === "") continue;
      this.ring.push(line);
      if (line.slice(0, LEVEL_WITHIN).includes(DEBUG_MARK)) continue;
      printed += `${this.#style === null ? line : this.#style(line)}\n`;
    }
    if (printed !== "") this.#sink(printed);
  }

  /** An event of the supervisor's own. */
  record(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.accept(formatRecord({ ...fields, time: Date.now(), level, message }));
  }
}
