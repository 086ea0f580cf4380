/**
 * `pilotlight bench ab`: two commands that serve, side by side, one verdict.
 * Ctrl-C keeps what was measured, marked as partial; a second one ends at once,
 * and the servers with it.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Failure } from "../base/result.ts";
import { HELP_FLAG } from "../config/flags.ts";
import { type AbRun, toReport } from "../lab/ab/ab-result.ts";
import { describeAa, describeAb } from "../lab/ab/ab-text.ts";
import { pinCores } from "../lab/ab/cores.ts";
import { judgeAb } from "../lab/ab/judge-ab.ts";
import { observeNoise } from "../lab/ab/observe.ts";
import { type AbProgress, ROUND_MIN_COUNT, runAb } from "../lab/ab/run-ab.ts";
import { runLoad } from "../lab/load/run-load.ts";
import { storeReport } from "../lab/results/result-store.ts";
import type { BenchmarkReport } from "../lab/results/schema.ts";
import { AB_FLAGS, type ReadAb, readAbPlan } from "./bench-ab-plan.ts";
import { DATA_FOLDER, OUTPUT_FLAG } from "./bench-flags.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, type Io, printFailures } from "./command.ts";

const EXIT_INTERRUPTED = 130;
const MORE_ROUNDS = "raise --max-time or --rounds, or lower --seconds and --warm-up";

export const benchAb: Command = {
  name: "bench ab",
  usage: "--a 'CMD {port}' --b 'CMD {port}' PATH [flags]",
  about:
    "Starts both commands again and again in random order, waits for a right answer, warms them, and compares CPU time\nper request (of the whole process tree), requests/s, latency, memory and boot time. The verdict is about one of\nthem; a failed answer fails the comparison. Everything that was started is ended. Linux only.",
  flags: [
    ...AB_FLAGS,
    OUTPUT_FLAG,
    { name: "no-save", group: "Output", help: "store nothing" },
    { name: "json", value: "FILE", group: "Output", help: "the result for programs; - for standard output" },
    HELP_FLAG,
  ],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight bench ab --a 'node old.js {port}' --b 'node new.js {port}' /", "which is cheaper"],
    ["pilotlight bench ab --a 'node api.js {port}' --aa /", "how noisy this machine is"],
    ["pilotlight bench ab --a 'CMD {port}' --b 'CMD {port}' /orders --body order.json --check-body total", "checked answers to a POST"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const { io, flag } = call;
  const read = readAbPlan(call);
  if (!read.ok) {
    printFailures("bench ab", read.failure, io);
    return EXIT_MISUSE;
  }
  if (process.platform !== "linux") {
    const hint = "Run it on Linux, or in a container";
    printFailures("bench ab", [{ code: "AB_PLATFORM", message: "CPU time of process trees is read from Linux's /proc", hint }], io);
    return EXIT_FAILED;
  }
  const measured = await measure(read.value, io);
  if (!measured.ok) {
    printFailures("bench ab", [measured.failure], io);
    return measured.failure.code === "AB_INTERRUPTED" ? EXIT_INTERRUPTED : EXIT_FAILED;
  }
  return report(measured.value, call, flag("aa") !== undefined);
}

async function measure({ plan, commands }: ReadAb, io: Io) {
  const startedAt = new Date().toISOString();
  const interrupt = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    // The second time the user means it: the guard ends the servers when we are gone.
    if (interrupt.signal.aborted) process.kill(process.pid, "SIGKILL");
    io.stderr.write(`\n${signal}: ending what was started; once more ends at once\n`);
    interrupt.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  const pinning = pinCores();
  try {
    const finishNoise = observeNoise(pinning);
    const samples = await runAb(plan, { runLoad, pinning, signal: interrupt.signal }, progressTo(io));
    if (!samples.ok) return samples;
    const judgement = judgeAb(samples.value, plan);
    const labels = { a: plan.a.label, b: plan.b.label };
    const { method, target } = plan.measuring.load;
    const request = `${method} ${target.path}`;
    return {
      ok: true as const,
      value: {
        startedAt,
        labels,
        commands,
        request,
        seed: plan.seed,
        samples: samples.value,
        judgement,
        noise: finishNoise(),
      } satisfies AbRun,
    };
  } finally {
    pinning.release();
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    if (io.stderr.isTTY && !io.json) io.stderr.write("\r\x1b[K");
  }
}

function progressTo({ stderr, json }: Io): (progress: AbProgress) => void {
  if (!stderr.isTTY || json) return () => {};
  return ({ round, roundMaxCount, elapsedMs }) =>
    stderr.write(`\r\x1b[Kround ${round} of at most ${roundMaxCount}, ${(elapsedMs / 1_000).toFixed(0)} s`);
}

function report(run: AbRun, { io, flag }: Call, isAa: boolean): number {
  const { report, samples } = toReport(run);
  const lines = [describeAb(run), ...(isAa ? [describeAa(run)] : [])];
  const stored = flag("no-save") ? null : storeReport(resolve(io.cwd, flag("output") ?? DATA_FOLDER), report, samples);
  const count = run.samples.order.length;
  if (count < ROUND_MIN_COUNT)
    lines.push(`Only ${count} ${count === 1 ? "round" : "rounds"}: a verdict needs ${ROUND_MIN_COUNT}; ${MORE_ROUNDS}`);
  if (stored?.ok) lines.push(`Stored in ${stored.value}`);
  const json = flag("json");
  io.stdout.write(json === "-" ? `${JSON.stringify(report, null, 2)}\n` : `${lines.join("\n")}\n`);
  const unwritable = json === undefined || json === "-" ? null : writeJson(resolve(io.cwd, json), report);
  const failures = [...(stored === null || stored.ok ? [] : [stored.failure]), ...(unwritable === null ? [] : [unwritable])];
  if (failures.length > 0) {
    // The figures are out already; a full disk must not take them away.
    printFailures("bench ab", failures, { ...io, json: false });
    return EXIT_FAILED;
  }
  return run.samples.stoppedBy === "interruption" ? EXIT_INTERRUPTED : EXIT_OK;
}

function writeJson(file: string, report: BenchmarkReport): Failure | null {
  try {
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    return null;
  } catch (error) {
    const message = `Cannot write ${file}: ${(error as Error).message}`;
    return { code: "RESULTS_UNWRITABLE", message, hint: "Give another file after --json, or - for standard output" };
  }
}
