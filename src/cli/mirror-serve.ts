/**
 * The mirror as a server: configuration, start, greeting, log, signals, end.
 * Standard output gets the greeting and then the log; with --json both are
 * JSON, one object a line. The mirror itself, the greeting, and what looks for
 * this machine's index are loaded when they are needed.
 */
import { keepCompiledCode } from "../base/compile-cache.ts";
import { type Failure, ok } from "../base/result.ts";
import type { MirrorConfig } from "../config/mirror-config.ts";
import type { MirrorLog } from "../mirror/log.ts";
import { stopOnSignal } from "../serve/signals.ts";
import { LogBatch } from "../telemetry/log-batch.ts";
import { createLineStyle } from "../telemetry/log-style.ts";
import { type Call, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { endWithNpm } from "./end-with-npm.ts";
import { configureMirror } from "./mirror-configure.ts";

const LEVELS: readonly MirrorConfig["log"]["level"][] = ["debug", "info", "warn", "error"];

export async function serveMirror(call: Call): Promise<number> {
  const { io } = call;
  const configured = await configureMirror(call, { listens: true, isOffline: false });
  if (!configured.ok) return refuse(call, configured.failure);
  const { config, notices } = configured.value;
  const output = behindGreeting(printer(call, config));
  const batch = new LogBatch(output.print);
  const log = leveled(batch, config.log.level);
  const { openMirror } = await import("../mirror/mirror.ts");
  const opened = await openMirror(config, { log, nowMs: () => Date.now() });
  if (!opened.ok) return refuse(call, [opened.failure]);
  const ended = stopOnSignal({ reload: async () => ok(undefined), stop: (how) => stop(opened.value, how?.force) });
  endWithNpm(io);
  keepCompiledCode();
  const started = await opened.value.start();
  if (!started.ok) {
    await opened.value.stop();
    output.begin();
    batch.flush();
    return refuse(call, [started.failure]);
  }
  const { greetFromMirror } = await import("./mirror-greeting.ts");
  greetFromMirror(call, configured.value, started.value);
  output.begin();
  for (const { code, message, hint } of notices) log("warn", message, hint === undefined ? { code } : { code, hint });
  await ended;
  batch.flush();
  return EXIT_OK;
}

/** What keeps a mirror from starting is in what was asked for: a taken port, a folder that another mirror has. */
function refuse({ io }: Call, failures: readonly Failure[]): number {
  printFailures("mirror", failures, io);
  return EXIT_MISUSE;
}

/** A second signal does not wait for clients. */
async function stop(mirror: { stop(): Promise<void> }, force: boolean | undefined): Promise<void> {
  if (force === true) process.exit(EXIT_FAILED);
  await mirror.stop();
}

function leveled(batch: LogBatch, level: MirrorConfig["log"]["level"]): MirrorLog {
  const least = LEVELS.indexOf(level);
  return (recordLevel, message, fields = {}) => {
    if (LEVELS.indexOf(recordLevel) >= least) batch.write({ ...fields, time: Date.now(), level: recordLevel, message });
  };
}

type Print = (lines: string, sent: () => void) => void;

/** What is logged on the way up waits for the greeting, which whoever reads --json takes for the first line. */
function behindGreeting(print: Print): { readonly print: Print; begin(): void } {
  let held: (() => void)[] | null = [];
  return {
    print(lines, sent) {
      if (held === null) print(lines, sent);
      else held.push(() => print(lines, sent));
    },
    begin() {
      for (const printHeld of held ?? []) printHeld();
      held = null;
    },
  };
}

/** Whole lines at a time, as they are or for people. */
function printer({ io }: Call, { log }: MirrorConfig): Print {
  if (log.format === "json") return (lines, sent) => io.stdout.write(lines, sent);
  const style = createLineStyle(log.color);
  return (lines, sent) => {
    const styled = lines.split("\n").flatMap((line) => (line === "" ? [] : [`${style(line)}\n`]));
    io.stdout.write(styled.join(""), sent);
  };
}
