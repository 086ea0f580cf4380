/**
 * `pilotlight load URL`: the load generator from the command line. Reads the
 * flags and files, runs the plan, prints the summary and writes reports. The
 * summary goes to standard output unless a report does; everything else to
 * standard error. Ctrl-C ends the run with what there is, a second one at once.
 */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { HELP_FLAG } from "../config/flags.ts";
import { makePlan } from "../lab/load/make-plan.ts";
import type { LoadPlan } from "../lab/load/plan.ts";
import type { LoadResult } from "../lab/load/result.ts";
import { runLoad } from "../lab/load/run-load.ts";
import { writeCsv } from "../lab/report/csv.ts";
import { samplesText } from "../lab/report/findings.ts";
import { toHtml } from "../lab/report/html.ts";
import { toJson } from "../lab/report/json.ts";
import { outputFailure, writeOutputFile } from "../lab/report/output-file.ts";
import { createProgressLine } from "../lab/report/progress-line.ts";
import { summarize } from "../lab/report/summary.ts";
import { evaluateThresholds, parseThreshold, type Threshold, type ThresholdOutcome } from "../lab/report/thresholds.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { readWhole } from "./http-call.ts";
import { LOAD_FLAGS, loadOptions } from "./load-flags.ts";

/** As k6 has it. */
const EXIT_THRESHOLD = 99;
/** The generator measured itself, or answers it could not tell apart: no figure counts, and no threshold was judged. */
const EXIT_INVALID = 98;
/** 128 + SIGINT: the shell's own word for ctrl-C. */
const EXIT_INTERRUPTED = 130;
/** k6's lines are about 120 wide: whole where nobody said how wide the reader is. */
const PLAIN_WIDTH = 160;

export const load: Command = {
  name: "load",
  usage: "URL [flags]",
  about:
    "Sends requests and measures the answers. Without --rate, --steps or --ramp each connection is a user who\nwaits for the answer (closed loop); with one of them requests are sent on time, whatever the server does\n(open loop), and latency counts from the moment each was due. Ends with 0; 99 when a threshold is missed,\n98 when the run is invalid (the generator was the bottleneck, or can't tell answers apart), 1 when nothing\ncould be measured, 130 when it was interrupted.",
  flags: [...LOAD_FLAGS, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight load http://127.0.0.1:8080/hello", "50 users for ten seconds"],
    ["pilotlight load localhost:8080 --rate 1000 --threshold 'p99<20ms'", "1,000 requests a second; status 99 when p99 is over 20 ms"],
    [
      "pilotlight load localhost:8080/order -d 30s --data @order.json --check-body '\"ok\"' --html run.html",
      "a body, a check, and a page with plots",
    ],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const asked = await readPlan(call);
  if (!asked.ok) return report(call, asked.failure, EXIT_MISUSE);
  const { plan, thresholds } = asked.value;
  const interrupt = new AbortController();
  const onSignal = (): void => {
    // The second ctrl-C: whoever presses it does not want a report.
    if (interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED);
    interrupt.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const progress = createProgressLine(call.io.stderr, { quiet: call.flag("quiet") !== undefined, env: call.io.env });
  try {
    const outcome = await runLoad(plan, { signal: interrupt.signal, onProgress: (at) => progress.update(at) });
    progress.end();
    if (!outcome.ok) return report(call, [outcome.failure], interrupt.signal.aborted ? EXIT_INTERRUPTED : EXIT_FAILED);
    const outcomes = evaluateThresholds(outcome.value, thresholds);
    const written = await writeReports(call, outcome.value, outcomes);
    announce(call, outcome.value, outcomes);
    return written ?? statusOf(call, outcome.value, outcomes);
  } finally {
    progress.end();
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

/** Why the status will not be 0, and what a report lacks, on standard error whatever else is printed: a build's log may hold nothing more. */
function announce(call: Call, result: LoadResult, outcomes: readonly ThresholdOutcome[]): void {
  // Under a summary, which begins with it, the word would be there twice.
  const lead = printsSummary(call) ? `Ends with ${EXIT_INVALID}:` : "INVALID: don't use these figures.";
  const invalid = result.audit.invalidBecause.map((reason): Failure => ({ code: "LOAD_INVALID", message: `${lead} ${reason}` }));
  const missed = outcomes
    .filter(({ passed, isJudged }) => isJudged && !passed)
    .map(({ threshold, why }): Failure => ({ code: "LOAD_THRESHOLD_MISSED", message: `Threshold missed: ${threshold.text} (${why})` }));
  const cut = samplesText(result);
  const shortened = cut === null ? [] : [{ code: "LOAD_CSV_SHORTENED", message: cut }];
  printFailures("load", [...invalid, ...missed, ...shortened], { ...call.io, json: false });
}

function statusOf(call: Call, result: LoadResult, outcomes: readonly ThresholdOutcome[]): number {
  if (result.requestCount === result.failedCount && !result.interrupted) {
    const example = Object.values(result.errorExamples)[0] ?? "no request was sent";
    const message = `Nothing was measured: all ${result.requestCount} requests failed: ${example}`;
    return report(
      call,
      [{ code: "LOAD_ALL_FAILED", message, hint: "Mend this first; the figures above say nothing of speed" }],
      EXIT_FAILED,
      true,
    );
  }
  // Whoever ended it early knows that its figures are not those of a whole run; the report says the rest.
  if (result.audit.invalidBecause.length > 0 && !result.interrupted) return EXIT_INVALID;
  if (outcomes.some(({ passed }) => !passed)) return EXIT_THRESHOLD;
  return result.interrupted ? EXIT_INTERRUPTED : EXIT_OK;
}

/** The status to end with when a report can't be written; the others are written all the same. */
async function writeReports(call: Call, result: LoadResult, outcomes: readonly ThresholdOutcome[]): Promise<number | null> {
  const { stdout, cwd, env } = call.io;
  const json = call.flag("json");
  const csv = call.flag("csv");
  const html = call.flag("html");
  if (printsSummary(call)) {
    const color = stdout.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
    stdout.write(summarize(result, outcomes, { color, width: stdout.columns || PLAIN_WIDTH }));
  }
  const writes: Result<void>[] = [];
  if (json === "-") stdout.write(toJson(result, outcomes));
  else if (json !== undefined) writes.push(await writeOutputFile(resolve(cwd, json), [toJson(result, outcomes)]));
  if (csv !== undefined) writes.push(await writeCsv(result, csv === "-" ? stdout : resolve(cwd, csv)));
  if (html !== undefined) writes.push(await writeOutputFile(resolve(cwd, html), [await toHtml(result, outcomes)]));
  const failures = writes.flatMap((write) => (write.ok ? [] : [write.failure]));
  return failures.length === 0 ? null : report(call, failures, EXIT_FAILED, true);
}

/** To standard output, unless a report goes there. */
function printsSummary({ flag }: Call): boolean {
  return flag("json") !== "-" && flag("csv") !== "-" && flag("quiet") === undefined;
}

async function readPlan(
  call: Call,
): Promise<Result<{ readonly plan: LoadPlan; readonly thresholds: readonly Threshold[] }, readonly Failure[]>> {
  const url = call.flags.positionals[0];
  if (url === undefined) return fail([{ code: "LOAD_USAGE", message: "No URL is given", hint: "Write: pilotlight load URL" }]);
  const failures: Failure[] = [];
  const thresholds = (call.flags.values.get("threshold") ?? []).flatMap((text) => {
    const threshold = parseThreshold(text);
    if (!threshold.ok) failures.push(threshold.failure);
    return threshold.ok ? [threshold.value] : [];
  });
  if (call.flag("json") === "-" && call.flag("csv") === "-") {
    failures.push({ code: "LOAD_BAD_FLAG", message: "--json - and --csv - can't share standard output", hint: "Give one of them a file" });
  }
  const files = ["json", "csv", "html"].flatMap((name) => {
    const file = call.flag(name);
    return file === undefined || file === "-" || file.startsWith("/dev/") ? [] : [resolve(call.io.cwd, file)];
  });
  if (new Set(files).size < files.length) {
    failures.push({
      code: "LOAD_BAD_FLAG",
      message: "Two reports go to one file",
      hint: "The last would replace the others: give each its own",
    });
  }
  if (call.flag("html") === "-") {
    failures.push({
      code: "LOAD_BAD_FLAG",
      message: "--html - is no file: a page is not for standard output",
      hint: "Give it a name, such as run.html",
    });
  }
  // Now, not when an hour's run is to be written down.
  for (const file of files) {
    const unwritable = await outputFailure(file);
    if (unwritable !== null) failures.push(unwritable);
  }
  const data = await readData(call);
  if (!data.ok) failures.push(data.failure);
  const ca = await readCa(call);
  if (!ca.ok) failures.push(ca.failure);
  const plan = makePlan({
    url,
    ...loadOptions(call.flags.values),
    ...(data.ok && data.value !== null ? { data: data.value } : {}),
    ...(ca.ok && ca.value !== null ? { ca: ca.value } : {}),
    coreCount: availableParallelism(),
  });
  if (!plan.ok) failures.push(...plan.failure);
  return plan.ok && failures.length === 0 ? ok({ plan: plan.value, thresholds }) : fail(failures);
}

async function readData({ flag, io }: Call): Promise<Result<Uint8Array | null>> {
  const data = flag("data");
  if (data === undefined) return ok(null);
  if (data === "-") return ok(await readWhole(io.stdin));
  return data.startsWith("@") ? readGiven(`--data ${data}`, resolve(io.cwd, data.slice(1))) : ok(Buffer.from(data));
}

async function readCa({ flag, io }: Call): Promise<Result<string | null>> {
  const file = flag("ca");
  if (file === undefined) return ok(null);
  const bytes = await readGiven(`--ca ${file}`, resolve(io.cwd, file));
  if (!bytes.ok) return bytes;
  const text = Buffer.from(bytes.value).toString();
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
    if (certificates.length > 0) return ok(text);
  } catch {
    return fail({ code: "LOAD_BAD_FLAG", message: `--ca ${file}: a certificate in it can't be read`, hint: "Give a file in PEM form" });
  }
  return fail({ code: "LOAD_BAD_FLAG", message: `--ca ${file}: it holds no certificate`, hint: "Give a file in PEM form" });
}

async function readGiven(what: string, path: string): Promise<Result<Uint8Array>> {
  try {
    return ok(await readFile(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return fail({ code: "LOAD_BAD_FLAG", message: `${what}: ${code === "ENOENT" ? "no such file" : message}`, hint: "Check the path" });
  }
}

/** Failures are JSON where the report was to be, unless it is there already. */
function report(call: Call, failures: readonly Failure[], status: number, isReportOut = false): number {
  printFailures("load", failures, { ...call.io, json: call.flag("json") === "-" && !isReportOut });
  return status;
}
