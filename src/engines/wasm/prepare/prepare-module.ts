/**
 * Prepares modules beside a server that already serves them: finds what was
 * prepared before, else starts a niced child process, one at a time, bounded in
 * time and memory. Runs nothing of a module itself. However it goes wrong, it is
 * a failure with its reason, and the module is served as it was.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { WASM_PAGE_BYTES } from "../../../../guest/wasi/channel.ts";
import { programFile } from "../../../base/package-files.ts";
import { fail, ok, type Result } from "../../../base/result.ts";
import { sha256 } from "../../../base/sha256.ts";
import { describeBytes, MIB, MINUTE_MS, SECOND_MS } from "../../../base/units.ts";
import type { PrepareJob } from "./prepare-main.ts";
import { findPrepared, PREPARED_FORMAT, type Prepared, preparedFolder } from "./prepared-facts.ts";
import { sweepPrepared } from "./prepared-sweep.ts";

export interface PrepareModuleOptions {
  readonly functionId: string;
  /** Of the module as it was built: checked, rewritten, and its state can be put back. */
  readonly moduleFile: string;
  readonly dataDir: string;
  /** Its contract hands the request over in the environment (CGI). */
  readonly environIsRequest: boolean;
  /** `checkpoint: true` of its function. */
  readonly saysCheckpoint: boolean;
  /** The function's: what computes for longer before it asks for its request answers none. */
  readonly cpuTimeoutMs: number;
  readonly timeoutMs?: number;
  /** Somebody waits for the outcome (build, validate): it has its share of a busy machine. */
  readonly isWaitedFor?: boolean;
}

/** Binaryen takes about a second a megabyte, and 50 times a module's size in memory. */
const MODULE_MAX_BYTES = 16 * MIB;
const TIMEOUT_MS = 2 * MINUTE_MS;
/** The child ends itself; only if it can't, this much later we do. */
const GRACE_MS = 5 * SECOND_MS;
/** The CPU time of a whole process has V8's compilers in it. */
const CPU_ALLOWANCE = 2;
/** Of the signals that end a process, one that stands for CPU time and that nobody else sends. */
const OVERRAN_SIGNAL = "SIGVTALRM";
const LOWEST_PRIORITY = 19;
const STDERR_MAX_CHARS = 2_000;
const WASM_MEMORY_MAX_BYTES = 1536 * MIB;
const MEMORY_FLAGS = [
  `--max-old-space-size=${512}`,
  // Binaryen's memory as well as the module's: neither lies in V8's heap.
  `--wasm-max-mem-pages=${WASM_MEMORY_MAX_BYTES / WASM_PAGE_BYTES}`,
  `--wasm-max-committed-code-mb=${512}`,
];

interface Why {
  /** WASM_START_OVERRAN: no request could be answered either. */
  readonly code: "WASM_PREPARATION_FAILED" | "WASM_START_OVERRAN";
  readonly message: string;
}

const running = new Map<string, Promise<Result<Prepared>>>();
let lastInLine: Promise<unknown> = Promise.resolve();

/** Never rejects. `signal` gives up, also a child that runs. */
export function prepareModule(options: PrepareModuleOptions, signal: AbortSignal): Promise<Result<Prepared>> {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(options.moduleFile);
  } catch (error) {
    return Promise.resolve(failed(options, (error as Error).message));
  }
  if (bytes.length > MODULE_MAX_BYTES) {
    return Promise.resolve(
      failed(options, `it has ${describeBytes(bytes.length)}, and at most ${describeBytes(MODULE_MAX_BYTES)} are prepared`),
    );
  }
  const { environIsRequest, saysCheckpoint } = options;
  const key = sha256(JSON.stringify([PREPARED_FORMAT, process.version, environIsRequest, saysCheckpoint]), bytes);
  const folder = join(preparedFolder(options.dataDir), key);
  const found = findPrepared(folder);
  if (found !== null) return Promise.resolve(ok(found));
  const runningKey = `${folder}\n${options.cpuTimeoutMs}`;
  const known = running.get(runningKey);
  if (known !== undefined) return known;
  const work = inLine(() => prepareInChild(options, folder, signal)).finally(() => running.delete(runningKey));
  running.set(runningKey, work);
  return work;
}

function inLine<Value>(work: () => Promise<Value>): Promise<Value> {
  const turn = lastInLine.then(work);
  lastInLine = turn.catch(() => {});
  return turn;
}

async function prepareInChild(options: PrepareModuleOptions, folder: string, signal: AbortSignal): Promise<Result<Prepared>> {
  if (signal.aborted) return failed(options, "it was given up");
  // Another server may have done it while this one stood in line.
  const found = findPrepared(folder);
  if (found !== null) return ok(found);
  let why: Why | null;
  try {
    // The permission model resolves what exists: the folder must be there first.
    mkdirSync(preparedFolder(options.dataDir), { recursive: true });
    why = await runChild(options, folder, signal);
  } catch (error) {
    why = { code: "WASM_PREPARATION_FAILED", message: (error as Error).message };
  }
  if (why !== null) return failed(options, why.message, why.code);
  await sweepPrepared(options.dataDir).catch(() => {});
  const prepared = findPrepared(folder);
  return prepared === null ? failed(options, `what was written to ${folder} can't be read again`) : ok(prepared);
}

/** Null when it ended well, else why not. */
function runChild(options: PrepareModuleOptions, folder: string, signal: AbortSignal): Promise<Why | null> {
  const { moduleFile, dataDir, environIsRequest, saysCheckpoint, cpuTimeoutMs, timeoutMs = TIMEOUT_MS } = options;
  const limits = { timeoutMs, rehearsalCpuMaxMs: CPU_ALLOWANCE * cpuTimeoutMs, overranSignal: OVERRAN_SIGNAL } as const;
  const job: PrepareJob = { moduleFile, folder, environIsRequest, saysCheckpoint, parentPid: process.pid, ...limits };
  const child = spawn(process.execPath, [...childFlags(dataDir), programFile("engines/wasm/prepare/prepare-main")], {
    // Nothing of the server's environment: its secrets are not for a process that runs hostile code.
    env: {},
    stdio: ["pipe", "ignore", "pipe"],
  });
  if (options.isWaitedFor !== true) lowerPriority(child);
  let stderr = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    if (stderr.length < STDERR_MAX_CHARS) stderr += text;
  });
  // It may be dead before it has read its job; its exit says so.
  child.stdin!.on("error", () => {});
  child.stdin!.end(JSON.stringify(job));
  const startMs = performance.now();
  const end = (): void => void child.kill("SIGKILL");
  const timer = setTimeout(end, timeoutMs + GRACE_MS);
  signal.addEventListener("abort", end, { once: true });
  return new Promise<Why | null>((resolve) => {
    const because = (message: string, code: Why["code"] = "WASM_PREPARATION_FAILED"): void => resolve({ code, message });
    child.once("error", (error) => because(`its process could not be started: ${error.message}`));
    child.once("close", (code, killedBy) => {
      if (code === 0) resolve(null);
      else if (signal.aborted) because("it was given up");
      else if (killedBy === OVERRAN_SIGNAL)
        because(`it used more than ${cpuTimeoutMs} ms of CPU time and had not asked for its request`, "WASM_START_OVERRAN");
      else if (performance.now() - startMs >= timeoutMs) because(`it was not done after ${timeoutMs / SECOND_MS} s`);
      else because(`its process ended with ${killedBy ?? `code ${code}`}${lastWords(stderr)}`);
    });
  }).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  });
}

function childFlags(dataDir: string): string[] {
  return [
    ...MEMORY_FLAGS,
    "--permission",
    "--allow-fs-read=*",
    `--allow-fs-write=${join(preparedFolder(dataDir), "*")}`,
    // Its guard is a thread.
    "--allow-worker",
    "--disable-warning=SecurityWarning",
    "--disable-warning=ExperimentalWarning",
  ];
}

/** At once, before it has threads: on Linux each has a priority of its own, inherited when it starts. */
function lowerPriority({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, LOWEST_PRIORITY);
  } catch {
    // Gone already: its exit tells.
  }
}

function lastWords(stderr: string): string {
  const line = stderr.split("\n").find((one) => one.trim() !== "");
  return line === undefined ? "" : `: ${line.trim().slice(0, 200)}`;
}

function failed({ functionId }: PrepareModuleOptions, why: string, code: Why["code"] = "WASM_PREPARATION_FAILED"): Result<never> {
  return fail({
    code,
    message: `Cannot prepare ${functionId} for checkpoints: ${why}`,
    hint: "It is served as it was built; nothing needs to be done. A reload tries again",
  });
}
