/**
 * What can be known of process functions without running them: whether their
 * program is there and can be executed, which of their limits and walls hold on
 * this machine, and by what, and whether their images can be restored. For `pilotlight validate`.
 */
import type { Failure } from "../base/result.ts";
import { limitsTold } from "../engines/process/launch/limits-told.ts";
import type { MachineFacts } from "../engines/process/launch/machine-facts.ts";
import { probeMachine } from "../engines/process/launch/machine-probe.ts";
import { snapshotTold } from "../engines/process/snapshots/snapshot-told.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";
import { programFailure } from "../serve/program-check.ts";

export interface ProgramCheck {
  /** By function id: why every call would be answered 500. */
  readonly failures: ReadonlyMap<string, Failure>;
  /** By function id: a limit or wall each. */
  readonly limits: ReadonlyMap<string, readonly string[]>;
}

export async function checkPrograms(functions: readonly FunctionSpec[]): Promise<ProgramCheck> {
  const failures = new Map<string, Failure>();
  const limits = new Map<string, readonly string[]>();
  // Looked at once, and without moving anything: only a server takes its place among control groups.
  let facts: MachineFacts | null = null;
  for (const spec of functions) {
    const { id, process: settings, memoryMaxBytes } = spec;
    if (settings === null || spec.failure !== null) continue;
    const failure = programFailure(spec);
    if (failure !== null) failures.set(id, failure);
    facts ??= await probeMachine({ serverPid: process.pid, withCriu: functions.some(wantsCriu), mayMove: false });
    limits.set(id, [...limitsTold(settings, memoryMaxBytes, facts), ...snapshotTold(settings, facts)]);
  }
  return { failures, limits };
}

function wantsCriu({ process: settings }: FunctionSpec): boolean {
  return settings?.snapshot === "criu";
}
