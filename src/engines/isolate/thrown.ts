/**
 * Thrown: what came out of an isolate as an exception, told as a failure. The
 * frames of our own that isolated-vm adds below the guest's are cut off.
 */
import type { CallFailure } from "../engine.ts";
import { SandboxError } from "../engine.ts";

const BOUNDARY = "\n    at (<isolated-vm boundary>)";

export function loadFailureOf(error: unknown): CallFailure {
  return error instanceof SandboxError ? error.failure : { code: "LOAD_FAILED", ...describeThrown(error) };
}

export function describeThrown(error: unknown): { message: string; stack: string } {
  if (!(error instanceof Error)) return { message: `Thrown: ${String(error)}`, stack: "" };
  const stack = error.stack ?? "";
  const boundary = stack.indexOf(BOUNDARY);
  return { message: `${error.name}: ${error.message}`, stack: boundary === -1 ? stack : stack.slice(0, boundary) };
}
