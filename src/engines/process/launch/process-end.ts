/**
 * Process end: exit codes and signals as a process of a function left them, in
 * the words that messages and logs show. Pure. A process held by a shell (see
 * launch-plan.ts) hands its signal on as 128 and its number.
 */
import { constants } from "node:os";
import type { ProcessEnd } from "./launched.ts";

const SHELL_SIGNAL_BASE = 128;

/** Of two names for one number (SIGABRT and SIGIOT), the first is the usual one: the last that is set here. */
const SIGNALS = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name as NodeJS.Signals]),
);

export interface HeldEnd {
  /** By a shell in a PID namespace. */
  readonly isHeld: boolean;
  /** By us, or by the kernel for its memory. */
  readonly wasKilled: boolean;
  /** Why we ended it ourselves ("memory limit"); null when it was not us. */
  readonly because: string | null;
}

/** What unshare ends with, and says, when the first process of its namespace is killed (util-linux 2.38 wants to reset SIGKILL's handler). */
const KILLED_UNSHARE_CODE = 1;
const KILLED_UNSHARE_LINE = /^unshare: sigprocmask unblock failed/;

export function isHoldersLine(line: string): boolean {
  return KILLED_UNSHARE_LINE.test(line);
}

export function endOf(code: number | null, signal: NodeJS.Signals | null, { isHeld, wasKilled, because }: HeldEnd): ProcessEnd {
  const endedBy = signal ?? (isHeld && code !== null ? signalHandedOn(code, wasKilled) : null);
  const told = endedBy ?? `exit code ${code ?? "unknown"}`;
  return { code: endedBy === null ? code : null, signal: endedBy, told: because === null ? told : `${told} (${because})` };
}

function signalHandedOn(code: number, wasKilled: boolean): NodeJS.Signals | null {
  if (wasKilled && code === KILLED_UNSHARE_CODE) return "SIGKILL";
  return code > SHELL_SIGNAL_BASE ? (SIGNALS.get(code - SHELL_SIGNAL_BASE) ?? null) : null;
}

/** As a fork server tells it: 0 for "none". */
export function endOfForked(code: number, signalNumber: number): ProcessEnd {
  const signal = signalNumber === 0 ? null : (SIGNALS.get(signalNumber) ?? "SIGKILL");
  return endOf(signal === null ? code : null, signal, { isHeld: false, wasKilled: false, because: null });
}
