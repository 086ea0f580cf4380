/**
 * Unfit setting: something said of a function that its engine does not know.
 * Passed over, it would be a limit or a wall that somebody believes in and that
 * is not there; so the function is not served. What the engines share is not
 * looked at, nor is what was said of the server as a whole.
 */
import type { Failure } from "../base/result.ts";
import type { Allow, EngineName, FunctionOverrides } from "../config/config.ts";
import type { FoundFunction } from "./folder.ts";

interface Unfit {
  readonly key: string;
  /** Whose it is. */
  readonly of: string;
  readonly hint: string;
}

const KIND_OF: Readonly<Record<EngineName, string>> = {
  javascript: "a JavaScript function",
  wasm: "a WebAssembly function",
  process: "an executable",
};
const OF_PROCESSES = "executables";
const OF_WASM = "WebAssembly";
const OF_ISOLATES = "JavaScript and WebAssembly";

export function unfitSetting({ id, file }: FoundFunction, engine: EngineName, overrides: FunctionOverrides): Failure | null {
  const unfit = engine === "process" ? unfitForProcess(overrides) : unfitForIsolate(overrides);
  if (unfit === null) return null;
  return {
    code: "SETTING_UNSUPPORTED",
    message: `Cannot serve ${id}: it is ${KIND_OF[engine]}, and its ${unfit.key} is a setting of ${unfit.of} alone`,
    hint: unfit.hint,
    at: { file },
  };
}

function unfitForProcess({ contract, checkpoint, cpuTimeoutMs, allow = {} }: FunctionOverrides): Unfit | null {
  if (contract === "gojinn") {
    const hint = "Leave it out, or use cgi or command, which say how a one-shot program answers";
    return { key: "contract: gojinn", of: OF_WASM, hint };
  }
  if (checkpoint !== undefined) return { key: "checkpoint", of: OF_WASM, hint: "Leave it out; `process.snapshot` is for executables" };
  if (cpuTimeoutMs !== undefined)
    return { key: "cpu_timeout", of: OF_ISOLATES, hint: "Use timeout, which ends the call, and process.cpu, a share of the cores" };
  // "env" is for everybody; the rest is asked for through our APIs, which an executable does without.
  const name = (Object.keys(allow) as (keyof Allow)[]).find((one) => one !== "env");
  if (name === undefined) return null;
  const hint = "Leave it out: a process can do what its user may; docs/security.md says what holds it";
  return { key: `allow.${name}`, of: name === "dir" ? OF_WASM : OF_ISOLATES, hint };
}

function unfitForIsolate({ process: settings }: FunctionOverrides): Unfit | null {
  if (settings === undefined) return null;
  return { key: "process", of: OF_PROCESSES, hint: "Leave it out, or say engine: process if its file is to be executed" };
}
