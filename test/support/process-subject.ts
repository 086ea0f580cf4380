/**
 * The process engine as a subject of the contract suite, once for each language
 * that has a client which the suite can be written in without a compiler: Python
 * through the ring, Node by frames.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { MIB } from "../../src/base/units.ts";
import { PROCESS_DEFAULTS, type ProcessSettings } from "../../src/config/process-settings.ts";
import type { Subject } from "../../src/engines/contract.test.ts";
import type { EngineSource } from "../../src/engines/engine.ts";
import { functionLauncher } from "../../src/engines/process/function-launcher.ts";
import { FunctionLinks } from "../../src/engines/process/function-links.ts";
import type { LaunchedProcess, Launcher } from "../../src/engines/process/launch/launched.ts";
import { ProcessEngine } from "../../src/engines/process/process-engine.ts";
import { pythonClient } from "./process-clients.ts";

const HANDLERS = join(import.meta.dirname, "../guests/process");
const LIMITS = { memoryMaxBytes: 256 * MIB, timeoutMs: 30_000, cpuTimeoutMs: 5_000, outputMaxBytes: 32 * MIB };
const REST = { freshState: false, allow: {}, folders: [], checkpoint: false, contract: null, codeCacheFile: null, mapFile: "" };
/** There is no limit of processor time for a process: its calls have their deadline. */
const SPIN_TIMEOUT_MS = 1_000;
/** A runtime takes so much before it does anything. */
const HOARD_MEMORY_BYTES = 96 * MIB;

export interface ProcessEngineParts {
  readonly logs?: { level: string; message: string }[];
  /** Gets every process that is started: what a process says of its own number is true only where it has no namespace of its own. */
  readonly launched?: LaunchedProcess[];
}

export function makeProcessEngine({ logs = [], launched = [] }: ProcessEngineParts = {}): ProcessEngine {
  const dataDir = mkdtempSync(join(tmpdir(), "pilotlight-process-"));
  after(() => rmSync(dataDir, { recursive: true, force: true }));
  const onGuestLog = (_functionId: string, level: string, message: string): void => void logs.push({ level, message });
  return new ProcessEngine({
    onGuestLog,
    launcherOf: async (source) => noting(await functionLauncher(source, { dataDir, serverPid: process.pid, onGuestLog }), launched),
    linksOf: (source) => new FunctionLinks(source),
  });
}

function noting(launcher: Launcher, launched: LaunchedProcess[]): Launcher {
  return {
    async launch(order) {
      const result = await launcher.launch(order);
      if (result.ok) launched.push(result.value);
      return result;
    },
    close: () => launcher.close(),
  };
}

export interface ProcessSourceOptions extends Partial<Omit<EngineSource, "process">> {
  readonly process?: Partial<ProcessSettings>;
}

export function processSource(codeFile: string, { process: settings, ...limits }: ProcessSourceOptions = {}): EngineSource {
  return { functionId: "probe", codeFile, env: {}, ...LIMITS, ...REST, ...limits, process: { ...PROCESS_DEFAULTS, ...settings } };
}

export const nodeProcessSubject: Subject = subject("process (Node, frames)", [process.execPath, "{file}"], "contract.mjs", "frames", null);
export const pythonProcessSubject: Subject = pythonSubject();

function pythonSubject(): Subject {
  const name = "process (Python, ring)";
  const client = pythonClient(join(HANDLERS, "contract.py"));
  if (client === null) return { ...nodeProcessSubject, name, skipped: "this machine has no python3" };
  const hasPosixRing = spawnSync(client.command[0]!, ["-c", "import mmap"]).status === 0;
  return subject(name, [client.command[0]!, "{file}"], "contract.py", "ring", hasPosixRing ? null : "this Python has no mmap");
}

function subject(name: string, command: readonly string[], file: string, call: ProcessSettings["call"], skipped: string | null): Subject {
  return {
    name,
    skipped,
    thrown: { code: "HANDLER_THREW", message: /the handler gave up/ },
    outgrown: { code: "MEMORY_LIMIT_EXCEEDED", isClosed: false },
    endless: { code: "CALL_TIMEOUT", isClosed: false },
    keepsState: true,
    sandboxCount: 10,
    freshCallCount: 5,
    engine: async () => makeProcessEngine(),
    async source(handler, limits = {}) {
      const spinning = handler === "spin" ? { timeoutMs: SPIN_TIMEOUT_MS } : {};
      const hoarding = handler === "hoard" ? { memoryMaxBytes: HOARD_MEMORY_BYTES } : {};
      const { process: _none, ...rest } = limits;
      const env = { HANDLER: handler };
      return processSource(join(HANDLERS, file), { env, ...rest, ...spinning, ...hoarding, process: { command, call, concurrency: 8 } });
    },
  };
}
