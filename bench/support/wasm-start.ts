/**
 * Start modes of one guest, each measured in fresh pinned processes
 * (wasm-start-child.ts) that serve the same request again and again. Which mode
 * a server would choose does not matter here: each that the guest allows is
 * forced.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { StartMode } from "../../guest/wasi/channel.ts";
import { V8_FLAGS } from "../../src/engines/isolate/v8-flags.ts";
import { buildModule } from "../../src/engines/wasm/build-module.ts";
import { compileModule } from "../../src/engines/wasm/compile-module.ts";
import { asyncify } from "../../src/engines/wasm/prepare/asyncify.ts";
import { Rehearsal } from "../../src/engines/wasm/prepare/rehearsal.ts";
import { loadShim } from "../../src/engines/wasm/prepare/shim.ts";
import { FACTS_NAME, type WasmFacts } from "../../src/engines/wasm/wasm-facts.ts";
import type { Pinning } from "../../src/lab/ab/cores.ts";
import { workFile } from "./subjects.ts";
import type { OrderGuest } from "./wasm-guests.ts";
import type { StartCosts, StartJob } from "./wasm-start-child.ts";

export const START_MODES: readonly StartMode[] = ["instance", "reset", "checkpoint"];
const CHILD = join(import.meta.dirname, "wasm-start-child.ts");
const MEMORY_MAX_BYTES = 128 * 1024 * 1024;

/** A guest as its isolates get it in one mode. */
export interface StartSubject {
  readonly guest: OrderGuest;
  readonly mode: StartMode;
  readonly codeFile: string;
  readonly factsFile: string;
}

/** Every mode that this guest can be started in. */
export async function startSubjects(guest: OrderGuest): Promise<StartSubject[]> {
  const file = workFile(`start/${guest.language}.wasm`, guest.bytes);
  const built = await buildModule({ id: guest.label, file, memoryMaxBytes: MEMORY_MAX_BYTES, contract: "gojinn" }, join(file, "../data"));
  if (!built.ok) throw new Error(built.failure.message);
  const { codeFile, facts } = built.value;
  // What the server itself falls back to: no other mode works.
  const modes = facts.mode === "instance" ? START_MODES.slice(0, 1) : START_MODES;
  const subjects: StartSubject[] = [];
  for (const mode of modes) {
    const code = mode === "checkpoint" ? workFile(`start/${guest.language}-checkpoint.wasm`, await checkpointVariant(codeFile)) : codeFile;
    const factsFile = workFile(`start/${guest.language}-${mode}/${FACTS_NAME}`, JSON.stringify({ ...facts, mode } satisfies WasmFacts));
    subjects.push({ guest, mode, codeFile: code, factsFile });
  }
  return subjects;
}

/** As prepare.ts makes it, whether it would pay or not. */
async function checkpointVariant(codeFile: string): Promise<Uint8Array> {
  const bytes = readFileSync(codeFile);
  const rehearsal = new Rehearsal(await loadShim(), await compileModule(bytes), false);
  rehearsal.lookAtStack();
  const ended = rehearsal.toQuestion(rehearsal.instantiate());
  if (ended !== null) throw new Error(`Cannot rehearse ${codeFile}: ${ended}`);
  return asyncify(bytes, rehearsal.stack);
}

export async function measureStart({ guest, ...subject }: StartSubject, seconds: number, pinning: Pinning): Promise<StartCosts> {
  const job: StartJob = { ...subject, seconds, dataDir: join(subject.factsFile, "../../data") };
  const [command, ...args] = pinning.serverCommand([process.execPath, ...V8_FLAGS, CHILD, JSON.stringify(job)]);
  const child = spawn(command!, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [printed, [code, signal]] = await Promise.all([text(child.stdout), once(child, "close")]);
  if (code !== 0) throw new Error(`${guest.label} by ${subject.mode}: its process ended with ${signal ?? `code ${code}`}`);
  return JSON.parse(printed) as StartCosts;
}
