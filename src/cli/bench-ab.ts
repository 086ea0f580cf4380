/**
 * `pilotlight bench ab`: two commands that serve, side by side, one verdict.
 * Ctrl-C keeps what was measured, marked as partial; a second one ends at once,
 * and the servers with it.
 */
import { resolve } from "node:path";
import { ok, type Result } from "../base/result.ts";
import { HELP_FLAG } from "../config/flags.ts";
import { type AbRun, conditionsOf, toReport } from "../lab/ab/ab-result.ts";
import { describeAa, describeAb } from "../lab/ab/ab-text.ts";
import { pinCores } from "../lab/ab/cores.ts";
import { judgeAb } from "../lab/ab/judge-ab.ts";
import { observeNoise } from "../lab/ab/observe.ts";
import { type AbProgress, roundsForVerdict, runAb } from "../lab/ab/run-ab.ts";
import { runLoad } from "../lab/load/run-load.ts";
import { writeOutputFile } from "../lab/report/output-file.ts";
import { storeReport } from "../lab/results/result-store.ts";
import { withSamples } from "../lab/results/samples-file.ts";
import { AB_FLAGS, type ReadAb, readAbPlan } from "./bench-ab-plan.ts";
import { DATA_FOLDER, EXIT_FAIL_ON, OUTPUT_FLAG } from "./bench-flags.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, type Io, printFailures } from "./command.ts";

const EXIT_INTERRUPTED = 130;

export const benchAb: Command = {
  name: "bench ab",
  usage: "--a 'CMD {port}' --b 'CMD {port}' PATH [flags]",
  about:
    "Starts pairs of fresh processes of both commands, waits for a right answer, warms them, loads them in turn, and\ncompares CPU time per request (of the whole process tree), requests/s, latency, memory and boot time. The verdict is\nabout one of them; a failed answer fails the comparison. Everything that was started is ended. Linux only. Ends\nwith 0 whatever the verdict; 99 when --fail-on names it, 1 when nothing could be measured, 130 when interrupted.",
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
    ["pilotlight bench ab --a 'node old.js {port}' --b 'node new.js {port}' / --fail-on regressed", "status 99 when B is dearer"],
    ["pilotlight bench ab --a 'node api.js {port}' --aa /", "how noisy this machine is"],
    ["pilotlight bench ab --a 'CMD {port}' --b 'CMD {port}' /orders --body order.json --check-body total", "checked answers to a POST"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const { io } = call;
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
  const { roundMaxCount, alpha } = read.value.plan;
  if (roundMaxCount < roundsForVerdict(alpha)) {
    const rounds = roundMaxCount === 1 ? "One round" : `${roundMaxCount} rounds`;
    io.stderr.write(
      `pilotlight bench ab: ${rounds} can't give a verdict, ${roundsForVerdict(alpha)} are needed: this shows figures only\n`,
    );
  }
  const measured = await measure(read.value, io);
  if (!measured.ok) {
    printFailures("bench ab", [measured.failure], io);
    return measured.failure.code === "AB_INTERRUPTED" ? EXIT_INTERRUPTED : EXIT_FAILED;
  }
  return report(measured.value, call, read.value);
}

async function measure({ plan, commands }: ReadAb, io: Io): Promise<Result<AbRun>> {
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
    let spentUs = 0;
    const onSpent = (us: number): void => {
      spentUs += us;
    };
    const finishNoise = observeNoise(pinning, () => spentUs);
    const tools = { runLoad, pinning, signal: interrupt.signal, onSpent };
    const samples = await runAb(plan, tools, progressTo(io));
    if (!samples.ok) return samples;
    const judgement = judgeAb(samples.value, plan);
    const labels = { a: plan.a.label, b: plan.b.label };
    const { method, target } = plan.measuring.load;
    const request = `${method} ${target.path}`;
    const about = { startedAt, labels, commands, request, seed: plan.seed, conditions: conditionsOf(plan) };
    return ok({ ...about, samples: samples.value, judgement, noise: finishNoise() });
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

async function report(run: AbRun, { io, flag }: Call, { failOn }: ReadAb): Promise<number> {
  const { report, samples } = toReport(run);
  const lines = [describeAb(run), ...(flag("aa") !== undefined ? [describeAa(run)] : [])];
  const stored = flag("no-save") ? null : storeReport(resolve(io.cwd, flag("output") ?? DATA_FOLDER), report, samples);
  if (stored?.ok) lines.push(`Stored in ${stored.value}`);
  const json = flag("json");
  // Alone, without the file of samples beside it.
  const whole = `${JSON.stringify(withSamples(report, samples), null, 2)}\n`;
  io.stdout.write(json === "-" ? whole : `${lines.join("\n")}\n`);
  const written = json === undefined || json === "-" ? null : await writeOutputFile(resolve(io.cwd, json), [whole]);
  const failures = [stored, written].flatMap((one) => (one === null || one.ok ? [] : [one.failure]));
  if (failures.length > 0) {
    // The figures are out already; a full disk must not take them away.
    printFailures("bench ab", failures, { ...io, json: false });
    return EXIT_FAILED;
  }
  if (run.samples.stoppedBy === "interruption") return EXIT_INTERRUPTED;
  return failOn.includes(run.judgement.verdict.judgement.verdict) ? EXIT_FAIL_ON : EXIT_OK;
}
