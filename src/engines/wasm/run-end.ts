/**
 * What an isolate with a module is given, and what the end of a run means: the
 * same for whoever serves a request and for whoever replays it.
 */
import { ENDED, NOTED } from "../../../guest/wasi/channel.ts";
import { formatSize, MIB } from "../../base/units.ts";
import type { CallFailure } from "../engine.ts";
import { guestFrames, trapSummary } from "./trap-text.ts";
import type { WasmRealm } from "./wasm-realm.ts";

/** The shim's own heap: its output, an image, input that came apart. The guest's memory is beside it, capped in the module. */
const SHIM_HEAP_BYTES = 32 * MIB;
export const STDERR_MAX_BYTES = 32 * 1024;

export interface RunLimits {
  readonly functionId: string;
  readonly memoryMaxBytes: number;
  readonly outputMaxBytes: number;
}

export function isolateMib({ memoryMaxBytes, outputMaxBytes }: Omit<RunLimits, "functionId">): number {
  return Math.ceil((SHIM_HEAP_BYTES + 4 * outputMaxBytes + memoryMaxBytes) / MIB);
}

/** Why what it did before its requests (NOTED) must not be shared by all of them; null when it may. */
export function sharedStartFailure(
  noted: number,
  { functionId, checkpoint }: { readonly functionId: string; readonly checkpoint: boolean },
): CallFailure | null {
  const told = (what: string): CallFailure => ({ code: "LOAD_FAILED", message: `${functionId} ${what} before it asks for its request` });
  if ((noted & (NOTED.usedHost | NOTED.openedFile)) !== 0) return told("uses files or the host");
  if ((noted & NOTED.touchedRequest) !== 0) return told("logs, or looks how much input it has,");
  if (!checkpoint && (noted & NOTED.readRandom) !== 0) return told("reads random numbers");
  if (!checkpoint && (noted & NOTED.readClock) !== 0) return told("reads the clock");
  return null;
}

/** Why a run that came to this end has no answer; null when it may have one. */
export function endFailure(ended: number, realm: WasmRealm, { functionId, outputMaxBytes, memoryMaxBytes }: RunLimits): CallFailure | null {
  if (ended === ENDED.exited) {
    if (realm.exitCode === 0) return null;
    return { code: "GUEST_EXITED", message: `${functionId} ended with exit code ${realm.exitCode}` };
  }
  if (ended === ENDED.outputTooLarge)
    return { code: "OUTPUT_TOO_LARGE", message: `${functionId} wrote more than ${formatSize(outputMaxBytes)} to standard output` };
  if (ended === ENDED.heldTooMuch)
    return {
      code: "MEMORY_LIMIT_EXCEEDED",
      message: `${functionId}'s requests that wait hold more than twice its memory limit of ${formatSize(memoryMaxBytes)} between them`,
    };
  return trapFailure(functionId, realm.failureText());
}

/** `text` is what V8 says: the error, then its frames. */
export function trapFailure(functionId: string, text: string): CallFailure {
  return { code: "GUEST_TRAPPED", message: `${functionId} trapped: ${trapSummary(text)}`, stack: guestFrames(text) };
}
