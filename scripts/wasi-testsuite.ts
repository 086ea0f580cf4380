/**
 * Runs WebAssembly/wasi-testsuite against `pilotlight run`: every module for
 * WASI preview 1 in a checkout of it, as its JSON says (docs/wasi.md). Its runner
 * is Python and wants an adapter; this does the same with what is here.
 * Nothing of the suite is changed: folders are copied before a test gets them.
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const PILOTLIGHT = join(import.meta.dirname, "../bin/pilotlight.js");
const MODULES = "tests/*/testsuite/wasm32-wasip1/*.wasm";
const TEST_TIMEOUT_MS = 20_000;
const PARALLEL_COUNT = 2;

/** doc/specification.md of the suite, "legacy configuration"; the other kind has preview 3 only. */
interface Specification {
  readonly args: readonly string[];
  readonly root: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly exit_code: number;
  /** Null where anything may be printed: the suite's own runner does not look then. */
  readonly stdout: string | null;
}

const DEFAULTS: Specification = { args: [], root: null, env: {}, exit_code: 0, stdout: null };

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true, options: {} });
  const [checkout, ...wanted] = positionals;
  if (checkout === undefined)
    return misuse("Name a checkout of WebAssembly/wasi-testsuite: node scripts/wasi-testsuite.ts FOLDER [PART-OF-A-NAME...]");
  const found = globSync(MODULES, { cwd: checkout }).sort();
  if (found.length === 0)
    return misuse(`${checkout} holds no ${MODULES}: check out the branch prod/testsuite-base, which has built modules`);
  const modules = found.filter((module) => wanted.length === 0 || wanted.some((part) => module.includes(part)));
  const queue = [...modules];
  let failedCount = 0;
  const worker = async (): Promise<void> => {
    for (let module = queue.shift(); module !== undefined; module = queue.shift()) {
      const problem = await whyFailed(resolve(checkout, module));
      process.stdout.write(problem === null ? `pass  ${nameOf(module)}\n` : `FAIL  ${nameOf(module)}: ${problem}\n`);
      if (problem !== null) failedCount++;
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_COUNT }, worker));
  process.stdout.write(`\n${modules.length - failedCount} of ${modules.length} passed\n`);
  process.exitCode = failedCount === 0 ? 0 : 1;
}

function nameOf(module: string): string {
  return `${module.split(/[\\/]/)[1]}/${basename(module, ".wasm")}`;
}

/** Null when the test has passed. */
async function whyFailed(module: string): Promise<string | null> {
  const file = module.replace(/\.wasm$/, ".json");
  const wants: Specification = { ...DEFAULTS, ...(existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}) };
  const folder = mkdtempSync(join(tmpdir(), "pilotlight-testsuite-"));
  try {
    const flags = Object.entries(wants.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
    if (wants.root !== null) {
      cpSync(join(dirname(module), wants.root), folder, { recursive: true, preserveTimestamps: true });
      flags.push("--dir", `${folder}::/`);
    }
    const { code, stdout, stderr } = await runModule([module, ...flags, "--", ...wants.args]);
    if (code === null) return `it did not end within ${TEST_TIMEOUT_MS / 1000} s`;
    if (code !== wants.exit_code) return `exit code ${code}, not ${wants.exit_code}${stderr === "" ? "" : `\n${indented(stderr)}`}`;
    if (wants.stdout !== null && stdout !== wants.stdout)
      return `standard output is ${JSON.stringify(stdout)}, not ${JSON.stringify(wants.stdout)}`;
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a guest in Rust says when an assertion fails is in the first lines. */
function indented(stderr: string): string {
  const lines = stderr.trimEnd().split("\n").slice(0, 6);
  return lines.map((line) => `        ${line}`).join("\n");
}

async function runModule(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [PILOTLIGHT, "run", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    // SIGTERM is handed on to the process that runs the guest; SIGKILL would leave that one behind.
    child.kill("SIGTERM");
  }, TEST_TIMEOUT_MS);
  const [stdout, stderr, code] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<number | null>((done) => {
      child.once("close", (status, signal) => done(signal === null && !timedOut ? status : null));
    }),
  ]);
  clearTimeout(timer);
  return { code, stdout, stderr };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) text += chunk;
  return text;
}

function misuse(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
}

await main();
