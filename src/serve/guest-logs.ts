/**
 * Guest logs: what functions write with console, on its way into the batch.
 * Each function has a budget, so that one that logs in a loop costs the others
 * nothing; stacks are rewritten to the developer's files, and the lines of a
 * function keep their order while that goes on.
 */
import { formatSize, SECOND_MS } from "../base/units.ts";
import { BUDGET_LINES_MAX, BUDGET_MAX_CHARS, BUDGET_WINDOW_MS, LogBudget } from "../telemetry/log-budget.ts";
import type { LogLevel, LogRecord } from "../telemetry/log-record.ts";
import type { BundleRef } from "./function-spec.ts";

/** In every frame of a bundle: its script is called "pilotlight:ID". */
const BUNDLE_SCRIPT = "pilotlight:";
/** From the first dropped line to the report of them all. */
const REPORT_AFTER_MS = 1_000;
const ALLOWANCE = `${BUDGET_LINES_MAX} lines or ${formatSize(BUDGET_MAX_CHARS)} in ${BUDGET_WINDOW_MS / SECOND_MS} s`;

export interface GuestLine {
  readonly functionId: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly requestId?: string;
}

interface FunctionLog {
  readonly budget: LogBudget;
  /** Rings when the dropped lines are to be reported. */
  timer: NodeJS.Timeout | null;
  /** Settles when all lines before have been written; null when none is held up by its stack. */
  tail: Promise<void> | null;
}

export interface GuestLogsHost {
  write(record: LogRecord): void;
  mapStack(stack: string, bundle: BundleRef): Promise<string>;
}

export class GuestLogs {
  readonly #host: GuestLogsHost;
  readonly #logs = new Map<string, FunctionLog>();

  constructor(host: GuestLogsHost) {
    this.#host = host;
  }

  /** `bundle`: what the function ran; null when that is not known. */
  write(line: GuestLine, bundle: BundleRef | null): void {
    const log = this.#logOf(line.functionId);
    if (!log.budget.takeLine(line.message.length, performance.now())) {
      log.timer ??= setTimeout(() => this.#report(line.functionId, log), REPORT_AFTER_MS);
      return;
    }
    const { functionId, level, message, requestId } = line;
    const record = { time: Date.now(), level, message, function: functionId, requestId };
    const toMap = bundle !== null && message.includes(BUNDLE_SCRIPT) && log.budget.takeStack() ? bundle : null;
    if (toMap === null && log.tail === null) this.#host.write(record);
    else this.#writeInOrder(log, record, toMap);
  }

  /** Everything that is still held, dropped lines reported. */
  async flush(): Promise<void> {
    for (const [functionId, log] of this.#logs) {
      await log.tail;
      if (log.timer !== null) this.#report(functionId, log);
    }
  }

  #writeInOrder(log: FunctionLog, record: LogRecord, bundle: BundleRef | null): void {
    const before = log.tail ?? Promise.resolve();
    const tail = before.then(async () => {
      const message = bundle === null ? record.message : await this.#mapped(record.message, bundle);
      this.#host.write({ ...record, message });
      if (log.tail === tail) log.tail = null;
    });
    log.tail = tail;
  }

  /** Runs of frames are mapped each by itself: what stands between them is the developer's text. */
  async #mapped(message: string, bundle: BundleRef): Promise<string> {
    const parts: string[] = [];
    let frames: string[] = [];
    const endRun = async (): Promise<void> => {
      if (frames.length === 0) return;
      const run = frames.join("\n");
      frames = [];
      const mapped = await this.#host.mapStack(run, bundle).catch(() => run);
      // A run of the prelude's own frames has nothing to say.
      if (mapped !== "") parts.push(mapped);
    };
    for (const line of message.split("\n")) {
      if (line.trimStart().startsWith("at ")) {
        frames.push(line);
      } else {
        await endRun();
        parts.push(line);
      }
    }
    await endRun();
    return parts.join("\n");
  }

  #report(functionId: string, log: FunctionLog): void {
    if (log.timer !== null) clearTimeout(log.timer);
    log.timer = null;
    const dropped = log.budget.takeDropped();
    const message = `${dropped} log lines of ${functionId} were dropped: a function may write ${ALLOWANCE}`;
    this.#host.write({ time: Date.now(), level: "warn", message, function: functionId, dropped });
  }

  #logOf(functionId: string): FunctionLog {
    let log = this.#logs.get(functionId);
    if (log === undefined) {
      log = { budget: new LogBudget(), timer: null, tail: null };
      this.#logs.set(functionId, log);
    }
    return log;
  }
}
