/**
 * Limit hints: where the limit that a call ran into is set. For the log and
 * the developer's page; strangers learn that there is a limit, not how to
 * move it.
 */
import type { CallFailureCode } from "../engines/engine.ts";

const SETTINGS: Readonly<Partial<Record<CallFailureCode, readonly [key: string, flag: string]>>> = {
  MEMORY_LIMIT_EXCEEDED: ["memory", "-m"],
  CALL_TIMEOUT: ["timeout", "-t"],
  CPU_LIMIT_EXCEEDED: ["cpu_timeout", "--cpu-timeout"],
};

/** Undefined for a failure that no limit made. */
export function limitHint(functionId: string, code: CallFailureCode): string | undefined {
  const setting = SETTINGS[code];
  return setting && `If it needs more, raise functions.${functionId}.${setting[0]} in pilotlight.yaml, or ${setting[1]} for every function`;
}
