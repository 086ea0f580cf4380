/**
 * `pilotlight test`: sends the requests of .http files to a private server and
 * judges the answers (docs/http-tests.md). Files run one after the other and
 * so do the requests in them: a later one may rely on an earlier one. What they
 * leave is the next run's, or a server's, only in a data folder that was named.
 */
import { globSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join, relative, resolve, sep } from "node:path";
import type { Failure } from "../base/result.ts";
import { type Palette, palette, printable } from "../base/terminal.ts";
import type { Config } from "../config/config.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { CONFIG_FILE_NAME, findSource, statOrNull } from "../config/source.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { httpCall, readWhole, type ServerAddress } from "./http-call.ts";
import { type Answer, judge, type Mismatch } from "./http-tests/expect.ts";
import type { HttpTest } from "./http-tests/model.ts";
import { parseHttpFile } from "./http-tests/parse.ts";
import { StartFailed, withPrivateServer } from "./private-server.ts";
import { makeScratchFolder } from "./scratch-folder.ts";
import { RUN_FLAGS, readSource, readWorkplace } from "./source-flags.ts";

export const test: Command = {
  name: "test",
  usage: "[PATH] [flags]",
  about:
    "Runs the .http files of PATH against its functions. PATH may also be one .http file. What functions keep begins\nempty and is gone afterwards, unless --data-dir names a folder for it.\nEnds with 1 when an expectation does not hold, with 2 when a file can't be read.",
  flags: [...RUN_FLAGS.map((flag) => (flag.name === "data-dir" ? { ...flag, shown: "a temporary one" } : flag)), JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight test", "every .http file of the project here"],
    ["pilotlight test functions/hello.http", "one file"],
  ],
  run,
};

interface TestFile {
  /** Absolute. */
  readonly file: string;
  /** As reports name it. */
  readonly shown: string;
  readonly tests: readonly HttpTest[];
}

interface Outcome {
  readonly file: string;
  readonly name: string;
  readonly line: number;
  readonly durationMs: number;
  readonly mismatches: readonly Mismatch[];
}

/** Beyond every function's own limit; only a server that broke stays silent so long. */
const SILENCE_MAX_MS = 120_000;

async function run(call: Call): Promise<number> {
  const { io } = call;
  const place = locate(call.flags.positionals[0], io.cwd);
  const isKept = call.flag("data-dir") !== undefined;
  const config = await (isKept ? readWorkplace : readSource)("test", call, place.path === null ? [] : [place.path]);
  if (config === null) return EXIT_MISUSE;
  const { files, failures } = await readFiles(place.file === null ? httpFiles(config) : [place.file], io.cwd);
  if (failures.length > 0) {
    printFailures("test", failures, io);
    return EXIT_MISUSE;
  }
  if (files.length === 0) {
    printFailures(
      "test",
      [{ code: "TEST_NONE", message: "There are no .http files here", hint: "Write one beside a function: docs/http-tests.md" }],
      io,
    );
    return EXIT_MISUSE;
  }
  if (isKept) return report(call, config, files);
  const scratch = makeScratchFolder();
  if (!scratch.ok) {
    printFailures("test", [scratch.failure], io);
    return EXIT_MISUSE;
  }
  try {
    return await report(call, { ...config, dataDir: scratch.value.path }, files);
  } finally {
    scratch.value.remove();
  }
}

async function report(call: Call, config: Config, files: readonly TestFile[]): Promise<number> {
  const { io } = call;
  const reporter = call.flag("json") ? null : new Reporter(io.stdout, palette(io.stdout, io.env));
  const log: string[] = [];
  let outcomes: Outcome[];
  try {
    outcomes = await withPrivateServer(
      config,
      (text) => log.push(text),
      (address) => runFiles(files, address, reporter),
    );
  } catch (error) {
    if (!(error instanceof StartFailed)) throw error;
    printFailures("test", error.failures, io);
    return EXIT_FAILED;
  }
  const failed = outcomes.filter((outcome) => outcome.mismatches.length > 0).length;
  if (reporter === null) io.stdout.write(`${JSON.stringify({ passed: outcomes.length - failed, failed, tests: outcomes }, null, 2)}\n`);
  else {
    // What the functions logged helps with a failure and is noise without one.
    if (failed > 0) for (const line of log) io.stderr.write(line);
    reporter.summary(outcomes.length - failed, failed);
  }
  return failed === 0 ? EXIT_OK : EXIT_FAILED;
}

/**
 * A .http file is tested with the functions it lies among: those of the
 * nearest project above it, or of the outermost folder below the working one.
 */
function locate(path: string | undefined, cwd: string): { path: string | null; file: string | null } {
  if (path === undefined || extname(path) !== ".http") return { path: path ?? null, file: null };
  const file = resolve(cwd, path);
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    if (basename(folder) === "functions") return { path: folder, file };
    const found = statOrNull(join(folder, CONFIG_FILE_NAME)) === null ? null : findSource(folder, cwd);
    const source = found?.ok ? found.value.source : null;
    if (source?.kind === "folder" && file.startsWith(source.path + sep)) return { path: folder, file };
  }
  const inside = relative(cwd, dirname(file));
  const isBelow = inside !== "" && inside !== ".." && !inside.startsWith(`..${sep}`);
  return { path: isBelow ? join(cwd, inside.split(sep, 1)[0]!) : dirname(file), file };
}

function httpFiles({ source }: Config): string[] {
  if (source.kind === "eval") return [];
  if (source.kind === "file") {
    const beside = source.path.replace(/\.[^./\\]+$/, ".http");
    return statOrNull(beside)?.isFile() ? [beside] : [];
  }
  const found = globSync("**/*.http", { cwd: source.path, exclude: (name) => name === "node_modules" || name.startsWith(".") });
  return found.sort().map((file) => join(source.path, file));
}

async function readFiles(paths: readonly string[], cwd: string): Promise<{ files: TestFile[]; failures: Failure[] }> {
  const files: TestFile[] = [];
  const failures: Failure[] = [];
  for (const file of paths) {
    const shown = relative(cwd, file);
    try {
      const parsed = parseHttpFile(await readFile(file, "utf8"), shown);
      if (parsed.ok) files.push({ file, shown, tests: parsed.value });
      else failures.push(...parsed.failure);
    } catch (error) {
      failures.push({ code: "TEST_UNREADABLE", message: `Cannot read ${shown}: ${(error as Error).message}`, hint: "Check the path" });
    }
  }
  return { files, failures };
}

async function runFiles(files: readonly TestFile[], address: ServerAddress, reporter: Reporter | null): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const file of files) {
    reporter?.file(file.shown);
    for (const one of file.tests) {
      const startMs = performance.now();
      const mismatches = await runOne(one, file, address);
      const outcome = { file: file.shown, name: one.name, line: one.line, durationMs: Math.round(performance.now() - startMs), mismatches };
      outcomes.push(outcome);
      reporter?.outcome(outcome);
    }
  }
  return outcomes;
}

async function runOne(one: HttpTest, { file }: TestFile, address: ServerAddress): Promise<readonly Mismatch[]> {
  try {
    const body = await bodyOf(one, file);
    const answer = await httpCall(
      address,
      { method: one.method, target: encodeTarget(one.target), headers: one.headers, body },
      SILENCE_MAX_MS,
    );
    const whole: Answer = {
      status: answer.status,
      headers: answer.headers.map(([name, value]) => [name.toLowerCase(), value] as const),
      body: await readWhole(answer.body),
    };
    return judge(one.expectations, whole, one.line);
  } catch (error) {
    return [{ line: one.line, expectation: "an answer", detail: (error as Error).message }];
  }
}

async function bodyOf({ body }: HttpTest, file: string): Promise<Uint8Array | null> {
  if (body === null) return null;
  if (body.kind === "text") return Buffer.from(body.text);
  const folder = dirname(file);
  const path = resolve(folder, body.path);
  // A test file of a stranger's project must not send the reader's own files anywhere.
  if (!path.startsWith(folder + sep)) throw new Error(`${body.path} lies outside the folder of the .http file`);
  return readFile(path);
}

/** Blanks and letters beyond ASCII are encoded as an editor's client would; what is encoded stays. */
function encodeTarget(target: string): string {
  return target.replace(/[^\x21-\x7e]+/gu, encodeURIComponent);
}

class Reporter {
  readonly #stream: NodeJS.WriteStream;
  readonly #colour: Palette;

  constructor(stream: NodeJS.WriteStream, colour: Palette) {
    this.#stream = stream;
    this.#colour = colour;
  }

  file(name: string): void {
    this.#stream.write(`${this.#colour.bold(name)}\n`);
  }

  outcome({ name, durationMs, mismatches, file }: Outcome): void {
    const mark = mismatches.length === 0 ? this.#colour.green("✓") : this.#colour.red("✗");
    this.#stream.write(`  ${mark} ${printable(name)} ${this.#colour.dim(`(${durationMs} ms)`)}\n`);
    for (const { line, expectation, detail } of mismatches) {
      this.#stream.write(`      ${this.#colour.dim(`${file}:${line}`)} expected ${printable(expectation)}\n`);
      const shown = printable(detail).replace(/^([-+]) .*$/gm, (text, sign) =>
        sign === "-" ? this.#colour.red(text) : this.#colour.green(text),
      );
      this.#stream.write(`${shown.replace(/^/gm, "        ")}\n`);
    }
  }

  summary(passed: number, failed: number): void {
    const text = `${passed} passed, ${failed} failed`;
    this.#stream.write(`\n${failed === 0 ? this.#colour.green(text) : this.#colour.red(text)}\n`);
  }
}
