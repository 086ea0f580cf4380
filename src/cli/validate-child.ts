/**
 * Entry of the process that loads functions for `pilotlight validate`: takes a
 * job on standard input, opens a sandbox for each function, which runs its
 * module and calls no handler, and writes a line of JSON about each. A child
 * process, because isolates need a Node flag, and because a module that takes
 * the process down must not take the command with it.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type CallFailure, type Engine, SandboxError } from "../engines/engine.ts";

import { loneEngine } from "../engines/javascript/lone-engine.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";

export interface LoadJob {
  readonly functions: readonly FunctionSpec[];
  readonly dataDir: string;
  /** Whoever started this process empties it: this one may not live to do so. */
  readonly scratchDir: string;
}

export interface Loaded {
  readonly id: string;
  /** Why no sandbox could be opened; null when one was. */
  readonly failure: CallFailure | null;
  /** Handlers for events that never come here: of the default export, and of no use. */
  readonly unserved: readonly string[];
}

const UNSERVED_EVENTS = ["scheduled", "queue", "email", "tail"];

void text(process.stdin).then((job) => loadAll(JSON.parse(job) as LoadJob));

async function loadAll({ functions, dataDir, scratchDir }: LoadJob): Promise<void> {
  // A mark that no function can know: what a module logs is not taken for the probe's word.
  const mark = randomUUID();
  let unserved: readonly string[] = [];
  const engine = await loneEngine(join(scratchDir, "guest.snapshot"), dataDir, {
    onGuestLog: (_id, _level, message) => {
      if (message.startsWith(mark)) unserved = message.slice(mark.length).split(" ").filter(Boolean);
    },
    onRunaway: endAtOnce,
    onCatastrophe: endAtOnce,
  });
  for (const spec of functions) {
    unserved = [];
    const failure = await load(engine, spec, mark, scratchDir);
    const loaded: Loaded = { id: spec.id, failure, unserved };
    process.stdout.write(`${JSON.stringify(loaded)}\n`);
  }
  engine.close();
}

/** Nothing in this process can stop a runaway, nor make V8 sound again. What was written has arrived: pipes are written at once. */
function endAtOnce(): void {
  process.kill(process.pid, "SIGKILL");
}

async function load(engine: Engine, spec: FunctionSpec, mark: string, scratchDir: string): Promise<CallFailure | null> {
  const { memoryMaxBytes, timeoutMs, cpuTimeoutMs, env, allow, outputMaxBytes } = spec;
  const codeFile = join(scratchDir, "code.js");
  writeFileSync(codeFile, `(${probe(mark)}, ${readFileSync(spec.bundle!.codeFile, "utf8")})`);
  // Module state that lives on is what runs the module at once; a fresh one would wait for a call.
  const limits = { memoryMaxBytes, timeoutMs, cpuTimeoutMs, env, allow, outputMaxBytes, folders: [], checkpoint: false, freshState: false };
  try {
    const template = await engine.prepare({ functionId: spec.id, codeFile, mapFile: "", codeCacheFile: null, ...limits });
    (await template.open()).close();
    template.close();
    return null;
  } catch (error) {
    if (error instanceof SandboxError) return error.failure;
    throw error;
  }
}

/** Looks at the exports on their way to the guest, which alone knows their values. */
function probe(mark: string): string {
  return `((install, warn, events) => Object.defineProperty(globalThis, "__pilotlight_install", { configurable: true, value: (module) => {
    const main = module.default;
    const found = typeof main === "object" && main !== null ? events.filter((name) => typeof main[name] === "function") : [];
    warn(${JSON.stringify(mark)} + found.join(" "));
    install(module);
  } }))(globalThis.__pilotlight_install, console.warn, ${JSON.stringify(UNSERVED_EVENTS)})`.replaceAll("\n", " ");
}
