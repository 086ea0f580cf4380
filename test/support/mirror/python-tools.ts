/**
 * The real pip and the real uv (and proxpi, for the comparison), each in a
 * virtual environment of its own. They are installed once, by the ordinary
 * client from whatever index this machine is set to, and kept below
 * node_modules/.cache; where that fails the reason is handed up, so that tests
 * skip and say why. When they run they see nothing of this machine's settings
 * and no address but the one that they are given.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The newest when this was written: what pip and uv send and expect changes between versions. */
const PINS = { pip: ["pip==26.2.1"], uv: ["uv==0.13.8"], proxpi: ["proxpi==1.3.1", "gunicorn==27.0.1"] } as const;
type Environment = keyof typeof PINS;

const CACHE = join(import.meta.dirname, "../../../node_modules/.cache/pilotlight/venvs");
/** Whole and usable: written last. */
const STAMP = "pilotlight-installed";
const INSTALL_TIMEOUT_MS = 150_000;
const RUN_TIMEOUT_MS = 90_000;
const PYTHONS = ["python3.13", "python3.12", "python3.11", "python3.10", "python3"];

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Had<Value> = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string };

const environments = new Map<Environment, Promise<Had<string>>>();

/** The folder of a virtual environment with the package in it. */
export function environment(name: Environment): Promise<Had<string>> {
  const known = environments.get(name) ?? prepare(name);
  environments.set(name, known);
  return known;
}

async function prepare(name: Environment): Promise<Had<string>> {
  const folder = join(CACHE, PINS[name].join("+").replaceAll("==", "-"));
  if (existsSync(join(folder, STAMP))) return { ok: true, value: folder };
  mkdirSync(CACHE, { recursive: true });
  // Made aside and then renamed: test files that run at once may both make it, and one of them wins.
  const fresh = mkdtempSync(join(CACHE, "new-"));
  try {
    const steps = [
      [await anyPython(), ["-m", "venv", fresh]],
      [join(fresh, "bin/python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", ...PINS[name]]],
    ] as const;
    for (const [command, args] of steps) {
      const { status, stdout, stderr } = await run(command, args, { env: process.env, timeoutMs: INSTALL_TIMEOUT_MS });
      if (status !== 0) return { ok: false, reason: `cannot install ${PINS[name].join(" ")}: ${lastLine(stderr) || lastLine(stdout)}` };
    }
    writeFileSync(join(fresh, STAMP), "");
    try {
      renameSync(fresh, folder);
    } catch (error) {
      if (!existsSync(join(folder, STAMP))) throw error;
    }
    return { ok: true, value: folder };
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** The first that can make virtual environments; plain python3, and its own message, when none can. */
async function anyPython(): Promise<string> {
  for (const python of PYTHONS) {
    const probe = await run(python, ["-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 9))"], {
      env: process.env,
      timeoutMs: 10_000,
    });
    if (probe.status === 0) return python;
  }
  return "python3";
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

export interface RunOptions {
  /** Where its files go: home, temporary files and the working folder. */
  readonly folder: string;
  /** Of the simple API. */
  readonly indexUrl: string;
}

/** Flags that make it ask this index alone, and keep nothing. */
export async function pip(command: string, args: readonly string[], { folder, indexUrl }: RunOptions): Promise<Ended> {
  const python = await interpreter("pip");
  const index = ["--index-url", indexUrl, "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--retries", "0"];
  const env = { ...bareEnvironment(folder), PIP_CONFIG_FILE: "/dev/null" };
  return run(python, ["-m", "pip", "--isolated", command, ...index, ...args], { cwd: folder, env, timeoutMs: RUN_TIMEOUT_MS });
}

export async function uv(args: readonly string[], { folder, indexUrl }: RunOptions): Promise<Ended> {
  const home = await folderOf("uv");
  const env = {
    ...bareEnvironment(folder),
    UV_NO_CONFIG: "1",
    UV_NO_CACHE: "1",
    UV_CACHE_DIR: join(folder, "uv-cache"),
    UV_DEFAULT_INDEX: indexUrl,
    UV_PYTHON: await interpreter("pip"),
    UV_PYTHON_DOWNLOADS: "never",
    UV_HTTP_RETRIES: "0",
    UV_INSECURE_HOST: "127.0.0.1",
    UV_LINK_MODE: "copy",
  };
  return run(join(home, "bin/uv"), args, { cwd: folder, env, timeoutMs: RUN_TIMEOUT_MS });
}

/** What Python says of modules that were installed into `target`. */
export async function python(source: string, target: string): Promise<Ended> {
  const env = { ...bareEnvironment(target), PYTHONPATH: target };
  return run(await interpreter("pip"), ["-c", source], { cwd: tmpdir(), env, timeoutMs: RUN_TIMEOUT_MS });
}

export async function interpreter(name: Environment): Promise<string> {
  return join(await folderOf(name), "bin/python");
}

async function folderOf(name: Environment): Promise<string> {
  const had = await environment(name);
  if (!had.ok) throw new Error(had.reason);
  return had.value;
}

export function bareEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    TMPDIR: process.env["TMPDIR"] ?? tmpdir(),
    LANG: "C.UTF-8",
    PYTHONDONTWRITEBYTECODE: "1",
  };
}

interface ProcessOptions {
  readonly cwd?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly timeoutMs: number;
}

export function run(command: string, args: readonly string[], { cwd, env, timeoutMs }: ProcessOptions): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error) => {
      clearTimeout(timer);
      resolve({ status: null, stdout, stderr: `${stderr}${error.message}` });
    });
    child.on("close", (status) => {
      clearTimeout(timer);
      resolve({ status, stdout, stderr });
    });
  });
}
