/**
 * Node snapshot: builds the startup snapshot of a function for Node: bundled
 * (node-bundle.ts), and run once by `node --build-snapshot`, which writes V8's heap to a
 * file when nothing is left to do. The function's code runs for it: within the
 * function's limits, with its environment, without a socket.
 */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, type Result } from "../../../base/result.ts";
import { formatDuration } from "../../../base/units.ts";
import type { LaunchOrder } from "../launch/launched.ts";
import type { MachineFacts } from "../launch/machine-facts.ts";
import type { ProcessLog } from "../launch/output-reader.ts";
import { type LaunchSubject, PLAIN, PlainLauncher, type Run } from "../launch/plain-launcher.ts";
import { type Made, sourceFiles } from "./image-store.ts";
import { bundleForNode } from "./node-bundle.ts";
import type { NodeProgram } from "./node-program.ts";
import { causeIn } from "./node-snapshot-cause.ts";

export const BLOB = "blob";
const BUNDLE = "function.cjs";
const SAID_MAX_LINES = 100;
const ORDER: LaunchOrder = { instance: 0, withRing: false, moreEnv: {}, ownsStdio: false };
/** Of the builder alone: its functions have them. */
const NOT_YET = ["PILOTLIGHT_SOCKET", "AETHER_SOCKET", "PORT", "AETHER_TRIGGER_PORT"];

export interface NodeSnapshotParts {
  readonly subject: LaunchSubject;
  readonly program: NodeProgram;
  readonly facts: MachineFacts;
}

/** Into a folder that is there. The fault is a phrase: why there is no snapshot. */
export async function buildSnapshot(parts: NodeSnapshotParts, dir: string, signal: AbortSignal): Promise<Result<Made<null>, string>> {
  const { subject, program } = parts;
  const bundle = join(dir, BUNDLE);
  const inputs = await bundleForNode(program.script, bundle, signal);
  if (!inputs.ok) return fail(`it can't be bundled: ${inputs.failure}`);
  // Before it runs: what changes meanwhile has changed.
  const sources = await sourceFiles([subject.file, ...inputs.value]);
  const said: string[] = [];
  const plain = new PlainLauncher(subject, parts.facts, keptIn(said));
  const fault = await runBuilder({ subject, program, plain, said }, { dir, bundle }, signal).finally(() => plain.close());
  if (fault !== null) return fail(`Node can't build a startup snapshot of it: ${fault}`);
  rmSync(bundle);
  return ok({ details: null, sources });
}

interface Builder {
  readonly subject: LaunchSubject;
  readonly program: NodeProgram;
  readonly plain: PlainLauncher;
  readonly said: readonly string[];
}

async function runBuilder({ subject, program, plain, said }: Builder, place: { dir: string; bundle: string }, signal: AbortSignal) {
  const { readyTimeoutMs } = subject.settings;
  const blob = join(place.dir, BLOB);
  const execute = ({ env, firstFd }: Run): Run => {
    const [file, ...flags] = program.command;
    const args = [...flags, "--snapshot-blob", blob, "--build-snapshot", place.bundle, ...program.args];
    return { program: { file, args }, env: without(env, NOT_YET), firstFd };
  };
  const started = await plain.start(ORDER, { ...PLAIN, execute });
  if (!started.ok) return started.failure.message;
  const stop = () => started.value.kill();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, readyTimeoutMs);
  signal.addEventListener("abort", stop);
  const end = await started.value.ended;
  signal.removeEventListener("abort", stop);
  clearTimeout(timer);
  if (isLate)
    return `it was not done within ${formatDuration(readyTimeoutMs)} (ready_timeout): something is left open before serve() is called, such as a server or a timer`;
  if (end.code === 0 && statSync(blob, { throwIfNoEntry: false }) !== undefined) return null;
  return causeIn(said) ?? end.told;
}

/** The first lines of either output: V8 tells what is wrong on its standard output, and then where it was in its own code. */
function keptIn(lines: string[]): ProcessLog {
  return {
    line(_output, text) {
      if (lines.length < SAID_MAX_LINES) lines.push(text);
    },
    note() {},
  };
}

function without(env: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}
