/**
 * `pilotlight replay FILE`: a recorded request to a WebAssembly function once
 * more, with the same inputs and the same answers from the host, far from the
 * server, its files and its store. Says whether the same came of it.
 */
import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { programFile } from "../base/package-files.ts";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { sha256 } from "../base/sha256.ts";
import { printable } from "../base/terminal.ts";
import { formatSize } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { isFailure } from "../engines/contracts/answer.ts";
import { V8_FLAGS } from "../engines/isolate/v8-flags.ts";
import { CONTRACTS } from "../engines/wasm/contracts/by-name.ts";
import { parseRecording, RECORDING_MAX_BYTES } from "../engines/wasm/recording/parse-recording.ts";
import { MODULES_FOLDER, type Recording } from "../engines/wasm/recording/recording.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { readWhole } from "./http-call.ts";
import type { ReplayJob, ReplayReport } from "./replay-child.ts";

type Finished = Exclude<ReplayReport, { failed: string }>;

export const replay: Command = {
  name: "replay",
  usage: "FILE [flags]",
  about:
    "Runs a recorded request to a WebAssembly function again: the same module, the same input, clock, random numbers,\nfiles and answers. Prints the body of its answer. Ends with 0 when everything was the same, byte for byte, with 1\nwhen not, naming the first difference. FILE is one that `pilotlight serve --record DIR` wrote.",
  flags: [JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight serve --record recordings", "records"],
    ["pilotlight replay recordings/order/2026-01-31T12-00-00.000Z-ab12.json", "the same request again"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const [name = ""] = call.flags.positionals;
  if (name === "") {
    return refuse(call, { code: "NO_RECORDING", message: "No recording is named", hint: "Write: pilotlight replay FILE" });
  }
  const file = resolve(call.io.cwd, name);
  const recording = await readRecording(file);
  if (!recording.ok) return refuse(call, recording.failure);
  const moduleFile = await findModule(file, recording.value);
  if (!moduleFile.ok) return refuse(call, moduleFile.failure);
  const report = await replayed({ recording: recording.value, moduleFile: moduleFile.value });
  if ("failed" in report) {
    const hint = "The module must be the one that was recorded, and this machine must have memory for it";
    printFailures("replay", [{ code: "REPLAY_FAILED", message: `Cannot replay ${name}: ${report.failed}`, hint }], call.io);
    return EXIT_FAILED;
  }
  print(call, recording.value, report);
  return report.difference === null ? EXIT_OK : EXIT_FAILED;
}

function refuse(call: Call, failure: Failure): number {
  printFailures("replay", [failure], call.io);
  return EXIT_MISUSE;
}

async function readRecording(file: string): Promise<Result<Recording>> {
  const unusable = (why: string): Result<Recording> =>
    fail({
      code: "RECORDING_UNREADABLE",
      message: `Cannot read the recording: ${why}`,
      hint: "Give a file that `pilotlight serve --record DIR` wrote",
      at: { file },
    });
  try {
    const { size } = await stat(file);
    if (size > RECORDING_MAX_BYTES)
      return unusable(`it has ${formatSize(size)}, and none has more than ${formatSize(RECORDING_MAX_BYTES)}`);
    return parseRecording(await readFile(file, "utf8"), file);
  } catch (error) {
    return unusable((error as Error).message);
  }
}

/** Where it was kept, or beside the recording, for one that was sent somewhere. */
async function findModule(file: string, { module }: Recording): Promise<Result<string>> {
  const name = `${module}.wasm`;
  const places = [join(dirname(file), "..", MODULES_FOLDER, name), join(dirname(file), name)];
  for (const place of places) {
    const bytes = await readFile(place).catch(() => null);
    if (bytes === null) continue;
    if (sha256(bytes) === module) return ok(place);
    return fail({
      code: "MODULE_CHANGED",
      message: "Cannot replay with this module: its content is not what was recorded",
      hint: "Put the recorded module there again",
      at: { file: place },
    });
  }
  return fail({
    code: "MODULE_MISSING",
    message: `Cannot find the recorded module, ${name}`,
    hint: `Put it into ${dirname(places[0]!)}, or beside the recording`,
    at: { file },
  });
}

async function replayed(job: ReplayJob): Promise<ReplayReport> {
  const child = spawn(process.execPath, [...V8_FLAGS, programFile("cli/replay-child")], { stdio: ["pipe", "pipe", "inherit"], env: {} });
  // It may end before it has read everything; what it said then is told below.
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(job));
  const ended = new Promise<string>((resolved) => {
    child.once("error", (error) => resolved(error.message));
    child.once("close", (code, signal) => resolved(`its process ended with ${signal ?? `exit code ${code}`}`));
  });
  const text = Buffer.from(await readWhole(child.stdout)).toString("utf8");
  const end = await ended;
  try {
    return JSON.parse(text) as ReplayReport;
  } catch {
    return { failed: end };
  }
}

function print({ io, flag }: Call, { contract, functionId }: Recording, { outcome, difference }: Finished): void {
  const { failure, stdout, ended, exitCode, stderr } = outcome;
  const answer = failure !== null || stdout === null ? null : CONTRACTS[contract].answer(Buffer.from(stdout, "base64"));
  const told = answer !== null && isFailure(answer) ? answer : failure;
  const body = answer === null || isFailure(answer) ? null : Buffer.from((answer.body ?? "") as string);
  if (flag("json")) {
    const status = answer === null || isFailure(answer) ? null : answer.status;
    const shown = { same: difference === null, difference, function: functionId, ended: ended !== null, exitCode, failure: told, status };
    io.stdout.write(`${JSON.stringify({ ...shown, bodyBase64: body?.toString("base64") ?? null, stderr })}\n`);
    return;
  }
  if (body !== null) io.stdout.write(body);
  if (told !== null) io.stderr.write(`${printable(told.message)}\n`);
  io.stderr.write(
    difference === null ? "pilotlight replay: the same, byte for byte\n" : `pilotlight replay: it differs: ${printable(difference)}\n`,
  );
}
