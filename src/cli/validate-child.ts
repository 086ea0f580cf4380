/**
 * Entry of the process that loads functions for `pilotlight validate`: takes a
 * job on standard input, opens a sandbox for each function, which runs its
 * module (of WebAssembly its start function) and calls no handler, and writes a
 * line of JSON about each. A child process, because isolates need a Node flag, and
 * because a module that takes the process down must not take the command with it.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type CallFailure, type Engine, type EngineSource, SandboxError } from "../engines/engine.ts";
import type { LoneEngine } from "../engines/isolate/engine-alone.ts";
import { loneEngine } from "../engines/javascript/lone-engine.ts";
import { loneWasmEngine } from "../engines/wasm/lone-engine.ts";
import type { WasmTemplate } from "../engines/wasm/wasm-engine.ts";
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
  const ends = { onRunaway: endAtOnce, onCatastrophe: endAtOnce };
  const onGuestLog = (_id: string, _level: string, message: string): void => {
    if (message.startsWith(mark)) unserved = message.slice(mark.length).split(" ").filter(Boolean);
  };
  const uses = (name: string): boolean => functions.some(({ engine }) => engine === name);
  const javascript = uses("javascript") ? await loneEngine(join(scratchDir, "guest.snapshot"), dataDir, { ...ends, onGuestLog }) : null;
  const wasm = uses("wasm") ? await loneWasmEngine(join(scratchDir, "wasi.snapshot"), dataDir, { ...ends, onGuestLog() {} }) : null;
  for (const spec of functions) {
    unserved = [];
    const failure = await failureOf(() => (spec.engine === "wasm" ? tryStart(wasm!, spec) : load(javascript!, spec, mark, scratchDir)));
    const loaded: Loaded = { id: spec.id, failure, unserved };
    process.stdout.write(`${JSON.stringify(loaded)}\n`);
  }
  javascript?.close();
  wasm?.close();
  // Not by a return: V8 may wait for ever for its compilers of WebAssembly when it is taken down in order (14.6).
  if (wasm !== null) (process as unknown as { reallyExit(code: number): never }).reallyExit(0);
}

/** Nothing in this process can stop a runaway, nor make V8 sound again. What was written has arrived: pipes are written at once. */
function endAtOnce(): void {
  process.kill(process.pid, "SIGKILL");
}

async function failureOf(work: () => Promise<void>): Promise<CallFailure | null> {
  try {
    await work();
    return null;
  } catch (error) {
    if (error instanceof SandboxError) return error.failure;
    throw error;
  }
}

async function load(engine: Engine, spec: FunctionSpec, mark: string, scratchDir: string): Promise<void> {
  const codeFile = join(scratchDir, "code.js");
  writeFileSync(codeFile, `(${probe(mark)}, ${readFileSync(spec.bundle!.codeFile, "utf8")})`);
  // Module state that lives on is what runs the module at once; a fresh one would wait for a call.
  const template = await engine.prepare({ ...sourceOf(spec), codeFile, mapFile: "", freshState: false });
  (await template.open()).close();
  template.close();
}

async function tryStart(engine: LoneEngine<WasmTemplate>, spec: FunctionSpec): Promise<void> {
  await (await engine.prepare(sourceOf(spec))).tryStart();
}

/** Without its folders: what is loaded here touches nothing. */
function sourceOf(spec: FunctionSpec): EngineSource {
  const { id: functionId, bundle, memoryMaxBytes, timeoutMs, cpuTimeoutMs, env, allow, outputMaxBytes, contract, checkpoint } = spec;
  const limits = { memoryMaxBytes, timeoutMs, cpuTimeoutMs, env, allow, outputMaxBytes, contract, checkpoint };
  const { codeFile, mapFile } = bundle!;
  return { functionId, codeFile, mapFile, codeCacheFile: null, ...limits, folders: [], freshState: true, process: null };
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
