/**
 * What bundling can't see of a function: a module that throws while it is
 * loaded, a handler that is none, handlers for events that never come; of a
 * WebAssembly module a start function that traps or does not end. Each is loaded
 * once, in the sandbox and under the limits it will be served with; no handler is
 * called. For `pilotlight validate`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { programFile } from "../base/package-files.ts";
import type { Failure } from "../base/result.ts";
import type { CallFailure } from "../engines/engine.ts";
import { V8_FLAGS } from "../engines/isolate/v8-flags.ts";
import { excerptOf, mapStack } from "../engines/javascript/source-map.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";
import { limitHint } from "../serve/limit-hint.ts";
import type { Loaded, LoadJob } from "./validate-child.ts";

export interface LoadCheck {
  /** By function id: why it would answer every call with 500. */
  readonly failures: ReadonlyMap<string, Failure>;
  /** Of functions that can be served. */
  readonly warnings: readonly Failure[];
}

const LOAD_ENTRY = programFile("cli/validate-child");

/** Looks at those that are bundled and have no failure yet. */
export async function checkLoading(functions: readonly FunctionSpec[], dataDir: string): Promise<LoadCheck> {
  const failures = new Map<string, Failure>();
  const warnings: Failure[] = [];
  const scratchDir = mkdtempSync(join(tmpdir(), "pilotlight-validate-"));
  let rest = functions.filter((spec) => spec.engine !== "process" && spec.bundle !== null && spec.failure === null);
  try {
    while (rest.length > 0) {
      const results = await loadApart({ functions: rest, dataDir, scratchDir });
      for (const [index, { failure, unserved }] of results.entries()) {
        const spec = rest[index]!;
        if (failure !== null) failures.set(spec.id, await loadFailure(spec, failure, unserved));
        else if (unserved.length > 0) warnings.push(unservedWarning(spec, unserved));
      }
      const fatal = rest[results.length];
      if (fatal !== undefined) failures.set(fatal.id, fatalFailure(fatal));
      rest = rest.slice(results.length + 1);
    }
  } finally {
    rmSync(scratchDir, { recursive: true, force: true });
  }
  return { failures, warnings };
}

/** Fewer results than functions: the one after the last has taken the process down. */
async function loadApart(job: LoadJob): Promise<Loaded[]> {
  const child = spawn(process.execPath, [...V8_FLAGS, LOAD_ENTRY], { stdio: ["pipe", "pipe", "inherit"] });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  child.stdin.on("error", () => {});
  child.stdin.end(JSON.stringify(job));
  const output = await Promise.race([text(child.stdout), failed]);
  // The last line may be half written.
  return output
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Loaded);
}

async function loadFailure(spec: FunctionSpec, failure: CallFailure, unserved: readonly string[]): Promise<Failure> {
  if (spec.engine === "wasm") return startFailure(spec, failure);
  const stack = await mapStack(failure.stack ?? "", spec.bundle!.mapFile).catch(() => "");
  const place = await excerptOf(stack, spec.bundle!.mapFile).catch(() => "");
  const only = unserved.length === 0 ? "" : ` (its default export has ${unserved.join(", ")}, and no fetch)`;
  return {
    code: "LOAD_FAILED",
    message: `${spec.id} can't be loaded: ${failure.message}${only}${place === "" ? "" : `\n${place}`}`,
    hint: "Every call would be answered 500 until it loads",
    at: { file: spec.file },
  };
}

function startFailure({ id, file, cpuTimeoutMs, timeoutMs }: FunctionSpec, { code, message }: CallFailure): Failure {
  const limitMs = Math.min(cpuTimeoutMs, timeoutMs);
  const why = code === "CPU_LIMIT_EXCEEDED" ? `its start function used more than ${limitMs} ms of CPU time` : message;
  return {
    code: "LOAD_FAILED",
    message: `${id} can't be instantiated: ${why}`,
    hint: limitHint(id, code) ?? segmentHint(message) ?? "Every call would be answered 500 until it can: look at its start function",
    at: { file },
  };
}

function segmentHint(message: string): string | null {
  if (!/\bsegment \d+ is out of bounds/.test(message)) return null;
  return "What it begins with does not fit its memory or table: build it with more of it (wasm-ld --initial-memory), or move the segment";
}

function unservedWarning(spec: FunctionSpec, unserved: readonly string[]): Failure {
  const are = unserved.length === 1 ? "is" : "are";
  return {
    code: "EVENTS_UNSERVED",
    message: `${spec.id}: ${unserved.join(", ")} of its default export ${are} never called`,
    hint: "Only fetch is served: there are no schedules, queues or mail here",
    at: { file: spec.file },
  };
}

function fatalFailure(spec: FunctionSpec): Failure {
  return {
    code: "LOAD_FAILED",
    message: `${spec.id} can't be loaded: its module took down the process that loaded it`,
    hint: "Look for what grows or computes without end at the top of the module",
    at: { file: spec.file },
  };
}
