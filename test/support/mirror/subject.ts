/**
 * Mirrors under test, each as its users start it and set by what they have in
 * common: the variables that proxpi introduced, with each one's own prefix.
 * Every one runs in a process group of its own, so that a kill leaves nothing,
 * with a cache folder that the test owns and nothing of this machine's settings.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unusedPort } from "../unused-port.ts";
import { ask } from "./ask.ts";
import { normalise } from "./distributions.ts";
import { bareEnvironment, environment, type Had, interpreter } from "./python-tools.ts";

export interface Settings {
  readonly indexUrl: string;
  readonly extraIndexUrls?: readonly string[];
  readonly indexTtlSeconds?: number;
  readonly cacheMaxBytes?: number;
  /** It has this folder for itself. */
  readonly cacheDir: string;
  readonly readTimeoutSeconds?: number;
  /** What stands below `mirror:` in pilotlight.yaml, for what no variable of the others says. */
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export interface Subject {
  readonly name: string;
  /** Where its index lies. */
  readonly root: "/simple/" | "/index/";
  /** Reads Settings.yaml. */
  readonly hasPolicy: boolean;
  /** Why it can't be run here; null when it can. */
  whyMissing(): Promise<string | null>;
  start(settings: Settings): Promise<Mirror>;
}

export class Mirror implements AsyncDisposable {
  readonly origin: string;
  readonly #root: string;
  readonly #child: Child;

  constructor(origin: string, root: string, child: Child) {
    this.origin = origin;
    this.#root = root;
    this.#child = child;
  }

  /** Of the simple API. */
  get indexUrl(): string {
    return `${this.origin}${this.#root}`;
  }

  get pid(): number {
    return this.#child.process.pid!;
  }

  /** All that it has printed. */
  get log(): string {
    return this.#child.log;
  }

  page(project: string): string {
    return `${this.indexUrl}${normalise(project)}/`;
  }

  file(project: string, filename: string): string {
    return `${this.page(project)}${encodeURIComponent(filename)}`;
  }

  /** Resolves when all of it is gone. */
  end(signal: NodeJS.Signals): Promise<number | null> {
    return this.#child.end(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}

const START_TIMEOUT_MS = 15_000;

const running = new Set<Child>();

function killAll(): void {
  for (const child of running) void child.end("SIGKILL");
}

process.once("exit", killAll);
// Groups of their own don't hear of the signal that ends this one.
for (const [signal, number] of [
  ["SIGTERM", 15],
  ["SIGINT", 2],
] as const) {
  process.once(signal, () => {
    killAll();
    process.exit(128 + number);
  });
}

/** A process group whose output is kept, and which doesn't outlive this process. */
export class Child {
  readonly process: ChildProcess;
  log = "";
  stdout = "";
  readonly exited: Promise<number | null>;

  constructor(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    this.process = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.process.stdout!.setEncoding("utf8").on("data", (text: string) => {
      this.log += text;
      this.stdout += text;
    });
    this.process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.log += text;
    });
    running.add(this);
    this.exited = new Promise((resolve) => {
      this.process.on("error", (error) => {
        this.log += error.message;
        resolve(null);
      });
      this.process.on("close", (status) => {
        running.delete(this);
        resolve(status);
      });
    });
  }

  get isRunning(): boolean {
    return this.process.pid !== undefined && this.process.exitCode === null && this.process.signalCode === null;
  }

  /** For one that is to end by itself; null when it has to be ended. */
  async exitWithin(timeoutMs: number): Promise<number | null> {
    const timer = setTimeout(() => this.#signal("SIGKILL"), timeoutMs);
    const status = await this.exited;
    clearTimeout(timer);
    return status;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.#signal(signal);
    return this.exited;
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.isRunning) return;
    try {
      process.kill(-this.process.pid!, signal);
    } catch {
      // Gone between the question and the signal.
    }
  }
}

const PILOTLIGHT = join(import.meta.dirname, "../../../bin/pilotlight.js");

/** The command line of the mirror; also for tests in which it is to refuse. */
export function startPilotlight(settings: Settings): Child {
  const { cacheDir, yaml, args = [], env = {} } = settings;
  const flags = ["mirror", "--port", "0", "--data-dir", cacheDir, "--json", ...args];
  if (yaml !== undefined) {
    const file = `${cacheDir}.yaml`;
    writeFileSync(file, `mirror:\n${yaml}`);
    flags.push("--config", file);
  }
  // The flag decides where it keeps things, as users give it.
  const { PILOTLIGHT_CACHE_DIR: _, ...own } = variables("PILOTLIGHT_", settings);
  return new Child(process.execPath, [PILOTLIGHT, ...flags], tmpdir(), { ...bareEnvironment(tmpdir()), NO_COLOR: "1", ...own, ...env });
}

export const PILOTLIGHT_SUBJECT: Subject = {
  name: "pilotlight",
  root: "/simple/",
  hasPolicy: true,
  async whyMissing() {
    return null;
  },
  async start(settings) {
    const child = startPilotlight(settings);
    const url = await within(START_TIMEOUT_MS, child, async () => {
      const [line] = child.stdout.split("\n", 1);
      const said = child.stdout.includes("\n") ? (parseOrNull(line!) as { listening?: { url?: string } } | null) : null;
      return said?.listening?.url ?? null;
    });
    return new Mirror(new URL(url).origin, "/simple/", child);
  },
};

const PROXPI_SUBJECT: Subject = {
  name: "proxpi",
  root: "/index/",
  hasPolicy: false,
  async whyMissing() {
    const had: Had<string> = await environment("proxpi");
    return had.ok ? null : had.reason;
  },
  async start(settings) {
    const port = await unusedPort();
    // As its own image runs it: two threads of one process.
    const args = ["-m", "gunicorn", "--bind", `127.0.0.1:${port}`, "--threads", "2", "--no-control-socket", "proxpi.server:app"];
    return startByPort(await interpreter("proxpi"), args, port, "/index/", settings, variables("PROXPI_", settings));
  },
};

/** groxpi comes as source only: whoever has built it names the program. */
export function groxpiSubject(program: string | undefined): Subject {
  return {
    name: "groxpi",
    root: "/simple/",
    hasPolicy: false,
    async whyMissing() {
      if (program === undefined) return "no program named: build it and pass --groxpi PROGRAM";
      return existsSync(program) ? null : `no such program: ${program}`;
    },
    async start(settings) {
      const port = await unusedPort();
      return startByPort(program ?? "", [], port, "/simple/", settings, { ...variables("GROXPI_", settings), PORT: String(port) });
    },
  };
}

export function allSubjects(groxpi: string | undefined): readonly Subject[] {
  return [PILOTLIGHT_SUBJECT, PROXPI_SUBJECT, groxpiSubject(groxpi)];
}

/** The cache folder is always named: left to itself one of them adopts whatever lies in the folder for temporary files. */
function variables(prefix: string, settings: Settings): Record<string, string> {
  const { indexUrl, extraIndexUrls, indexTtlSeconds, cacheMaxBytes, cacheDir, readTimeoutSeconds } = settings;
  const values: readonly (readonly [string, string | number | undefined])[] = [
    ["INDEX_URL", indexUrl],
    ["EXTRA_INDEX_URLS", extraIndexUrls?.join(",")],
    ["INDEX_TTL", indexTtlSeconds],
    ["CACHE_SIZE", cacheMaxBytes],
    ["CACHE_DIR", cacheDir],
    ["READ_TIMEOUT", readTimeoutSeconds],
    ["CONNECT_TIMEOUT", readTimeoutSeconds],
  ];
  return Object.fromEntries(values.flatMap(([name, value]) => (value === undefined ? [] : [[prefix + name, String(value)]])));
}

async function startByPort(
  command: string,
  args: readonly string[],
  port: number,
  root: string,
  settings: Settings,
  env: Readonly<Record<string, string>>,
): Promise<Mirror> {
  const child = new Child(command, args, settings.cacheDir, { ...bareEnvironment(settings.cacheDir), ...env, ...settings.env });
  const origin = `http://127.0.0.1:${port}`;
  await within(START_TIMEOUT_MS, child, async () => ((await ask(`${origin}/health`)).status === 200 ? true : null));
  return new Mirror(origin, root, child);
}

async function within<Value>(timeoutMs: number, child: Child, look: () => Promise<Value | null>): Promise<Value> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (!child.isRunning || performance.now() > deadlineMs) {
      await child.end("SIGKILL");
      throw new Error(`the mirror did not start: ${child.log.trim().slice(-2_000)}`);
    }
    await new Promise((turn) => setTimeout(turn, 10));
  }
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
