/**
 * Log batch: a worker's records on their way to the supervisor. Lines are
 * gathered for a few milliseconds, because a message per line would cost more
 * than most requests. When the other side can't keep up, lines are counted
 * and dropped: memory is for functions.
 */
import { formatRecord, type LogRecord } from "./log-record.ts";

const FLUSH_INTERVAL_MS = 50;
const FLUSH_LENGTH = 64 * 1024;
/** Lines that may wait at the channel before further ones are dropped. */
const BACKLOG_MAX_LENGTH = 8 * 1024 * 1024;

export class LogBatch {
  /** Calls back when the lines have left this process. */
  readonly #send: (lines: string, sent: () => void) => void;
  #lines = "";
  #backlogLength = 0;
  #droppedCount = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(send: (lines: string, sent: () => void) => void) {
    this.#send = send;
  }

  write(record: LogRecord): void {
    if (this.#backlogLength + this.#lines.length > BACKLOG_MAX_LENGTH) {
      this.#droppedCount++;
      return;
    }
    this.#lines += formatRecord(record);
    if (this.#lines.length >= FLUSH_LENGTH) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_INTERVAL_MS);
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#droppedCount > 0) {
      this.#lines += formatRecord({
        time: Date.now(),
        level: "warn",
        message: `${this.#droppedCount} log lines were dropped: they came faster than they could be written`,
      });
      this.#droppedCount = 0;
    }
    if (this.#lines === "") return;
    const lines = this.#lines;
    this.#lines = "";
    this.#backlogLength += lines.length;
    this.#send(lines, () => {
      this.#backlogLength -= lines.length;
    });
  }
}
