/**
 * Program check: why a process function's program can't be executed, as far as
 * that can be known without running it: it is not there, its interpreter is not,
 * it was built for another machine. Reads first bytes only.
 */
import type { Failure } from "../base/result.ts";
import { findProgram } from "../engines/process/launch/program.ts";
import type { FunctionSpec } from "./function-spec.ts";

export function programFailure({ id, file, process: settings, env }: FunctionSpec): Failure | null {
  if (settings === null) return null;
  const searchPath = env["PATH"] ?? process.env["PATH"] ?? "";
  const program = findProgram({ functionId: id, functionFile: file, command: settings.command, port: 0, searchPath });
  return program.ok ? null : { ...program.failure, at: { file } };
}
