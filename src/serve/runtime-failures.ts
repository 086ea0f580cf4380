/** What a function's runtime makes of failures: of an engine's for a call, of a build's for the one who asked, of both for an operator. */
import type { Failure } from "../base/result.ts";
import { type CallFailure, SandboxError } from "../engines/engine.ts";

const REASON_FRAMES_MAX = 5;
const FRAME = /^\s+at /;

export function toCallFailure(error: unknown): CallFailure {
  if (error instanceof SandboxError) return error.failure;
  return { code: "LOAD_FAILED", message: error instanceof Error ? error.message : String(error) };
}

/** For where there is no log at hand: one line, and where it was. */
export function reasonOf({ message }: CallFailure, mappedStack: string): string {
  const frames = mappedStack.split("\n").filter((line) => FRAME.test(line));
  return [message, ...frames.slice(0, REASON_FRAMES_MAX)].join("\n");
}

/** The hint goes beside it (`adviceOf`). */
export function describeBuildFailure({ at, message }: Failure): string {
  const place = at === undefined ? "" : `${at.file}${at.line === undefined ? "" : `:${at.line}:${at.column ?? 1}`}`;
  return message.includes(place) ? message : `${place}: ${message}`;
}
