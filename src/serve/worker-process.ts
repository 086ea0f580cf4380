/**
 * WorkerProcess: one child process and what is known about it. Forks it under
 * Node's permission model, passes messages, kills it. Decides nothing: when to
 * start, replace or blame a worker is the pool's and the placement's business.
 * On the path from spawn to the first answer, so it imports next to nothing.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programFile } from "../base/package-files.ts";
import { V8_FLAGS } from "../engines/isolate/v8-flags.ts";
import type { FromWorker, ToWorker } from "./messages.ts";
import { untilParentDies } from "./parent-death.ts";
import type { WorkerRights } from "./worker-rights.ts";

export interface Launch {
  /** Entry file; the built-in one unless a test scripts its own. */
  readonly entryFile: string;
  readonly dataDir: string;
  /** It profiles itself: Node's permission model guards the inspector too. */
  readonly inspects?: boolean;
  /** None beyond what every worker has, unless they are named. */
  readonly rights?: WorkerRights;
  /** Where it records requests. */
  readonly recordDir?: string | null;
}

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Why a worker said nothing: stuck in its own work, or stopped from outside (a signal, a debugger), where nothing that ran there is at fault. */
export type Silence = "stuck" | "suspended";

const SILENCE_TOLD: Readonly<Record<Silence, string>> = {
  stuck: "it was silent for too long",
  suspended: "it was stopped for too long, by a signal or a debugger",
};

export const WORKER_ENTRY_FILE = programFile("serve/worker-main");

/**
 * What a worker needs of the server's environment. Functions get theirs by
 * name in the deployment, so the server's own secrets stay out of a process
 * that runs hostile code.
 */
const INHERITED_ENV =
  /^(?:PATH|HOME|TZ|LANG|LC_\w+|TMPDIR|SSL_CERT_(?:FILE|DIR)|NO_COLOR|FORCE_COLOR|NODE_(?:OPTIONS|ENV|PATH|DEBUG|ICU_DATA|EXTRA_CA_CERTS|COMPILE_CACHE|DISABLE_COMPILE_CACHE|V8_COVERAGE))$/;

const NO_RIGHTS: WorkerRights = { writableFolders: [], startsProcesses: false, snapshotFolders: [] };

let processCount = 0;

export class WorkerProcess {
  /** Never reused, unlike a pid. */
  readonly serial = ++processCount;
  readonly rights: WorkerRights;
  readonly startedAtMs = performance.now();
  readonly flightFile: string;
  residentBytes = 0;
  inFlight: readonly string[] = [];
  /** It said why it can't serve, just before it exits. */
  lastWords: string | null = null;
  /** It was condemned for its silence. */
  silence: Silence | null = null;
  /** We sent the last signal or asked it to leave: its end is no accident. */
  expected = false;
  onMessage: ((message: FromWorker) => void) | null = null;
  onExit: ((exit: WorkerExit) => void) | null = null;
  /** null when it could not even be forked. */
  readonly #child: ChildProcess | null;
  #exit: WorkerExit | null = null;

  constructor(launch: Launch) {
    this.rights = launch.rights ?? NO_RIGHTS;
    this.flightFile = join(launch.dataDir, "flight", `${process.pid}-${this.serial}`);
    try {
      this.#child = forked(launch);
    } catch (error) {
      // A data folder that is a file now, no memory: an end like any other, once there is somebody to hear of it.
      this.#child = null;
      process.nextTick(() => this.#neverBegan(error as Error));
      return;
    }
    const child = this.#child;
    child.on("message", (message) => this.onMessage?.(message as FromWorker));
    // A failed fork emits no exit; a failed send does not matter, as the exit follows.
    child.on("error", (error) => {
      if (child.pid === undefined) this.#neverBegan(error);
    });
    // Messages may still be queued in the channel when the process is gone: its last words count.
    child.once("exit", (code, signal) => {
      if (child.connected) child.once("disconnect", () => this.#ended({ code, signal }, null));
      else this.#ended({ code, signal }, null);
    });
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get exited(): boolean {
    return this.#exit !== null;
  }

  get isConnected(): boolean {
    return this.#child?.connected === true;
  }

  get livedMs(): number {
    return performance.now() - this.startedAtMs;
  }

  /** Queued until the worker has booted; false when it is gone and the message with it. */
  send(message: ToWorker, socket?: Socket): boolean {
    if (!this.#child?.connected) return false;
    // What send returns is back-pressure, which has no meaning here.
    this.#child.send(message, socket, { keepOpen: false }, ignoreSendError);
    return true;
  }

  /** SIGKILL, never a polite signal: what runs there may not listen. */
  kill(): void {
    this.expected = true;
    this.#child?.kill("SIGKILL");
  }

  /** SIGKILL because it misbehaved: its end counts as a death. */
  condemn(why: string): void {
    this.lastWords = why;
    this.#child?.kill("SIGKILL");
  }

  condemnForSilence(silence: Silence): void {
    this.silence = silence;
    this.condemn(SILENCE_TOLD[silence]);
  }

  #neverBegan(error: Error): void {
    this.#ended({ code: null, signal: null }, `it could not be started: ${error.message}`);
  }

  #ended(exit: WorkerExit, why: string | null): void {
    if (this.#exit !== null) return;
    this.#exit = exit;
    this.lastWords ??= why;
    this.onExit?.(exit);
  }
}

/** "SIGSEGV", "exit code 134" or what it said itself. */
export function describeExit(exit: WorkerExit, lastWords: string | null): string {
  if (lastWords !== null) return lastWords;
  return exit.signal ?? (exit.code === null ? "it could not be started" : `exit code ${exit.code}`);
}

function forked(launch: Launch): ChildProcess {
  // The permission model resolves what exists: the folder must be there first.
  mkdirSync(launch.dataDir, { recursive: true });
  return fork(launch.entryFile, [], {
    ...untilParentDies(process.execPath, workerFlags(launch)),
    env: workerEnv(launch.dataDir),
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "json",
  });
}

/** Who may start processes may do what they may: their control groups, and their sockets where the data folder's path is too long for one. */
const PROCESS_FLAGS = [
  "--allow-child-process",
  "--allow-ffi",
  "--allow-fs-write=/sys/fs/cgroup/*",
  `--allow-fs-write=${join(tmpdir(), "pilotlight-*")}`,
];

function workerFlags(launch: Launch): string[] {
  return [
    ...V8_FLAGS,
    "--permission",
    "--allow-addons",
    "--allow-net",
    // The store's threads (src/store/): SQLite waits for disks and locks.
    "--allow-worker",
    "--allow-fs-read=*",
    `--allow-fs-write=${join(launch.dataDir, "*")}`,
    ...(launch.recordDir ? [`--allow-fs-write=${join(launch.recordDir, "*")}`] : []),
    ...writableFlags(launch.rights?.writableFolders ?? []),
    ...(launch.rights?.startsProcesses === true ? PROCESS_FLAGS : []),
    // The folder itself may have to be made.
    ...(launch.rights?.snapshotFolders ?? []).flatMap((folder) => [`--allow-fs-write=${folder}`, `--allow-fs-write=${join(folder, "*")}`]),
    ...(launch.inspects === true ? ["--allow-inspector"] : []),
    // --allow-addons and its like warn on every start; the wall they weaken is the second one.
    "--disable-warning=SecurityWarning",
    "--disable-warning=ExperimentalWarning",
  ];
}

/**
 * Paths below a folder that is held open are named by its descriptor
 * (engines/wasm/files/folder-access.ts): whoever may write there could write
 * anywhere that it may open, so only workers that need it may.
 */
function writableFlags(folders: readonly string[]): string[] {
  if (folders.length === 0) return [];
  return ["--allow-fs-write=/proc/self/fd/*", ...folders.map((folder) => `--allow-fs-write=${join(folder, "*")}`)];
}

function workerEnv(dataDir: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { NODE_COMPILE_CACHE: join(dataDir, "cache", "node") };
  for (const [name, value] of Object.entries(process.env)) if (INHERITED_ENV.test(name)) env[name] = value;
  return env;
}

function ignoreSendError(): void {}
