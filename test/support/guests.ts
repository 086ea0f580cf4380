/**
 * WebAssembly guests for tests, built from test/guests/ when they are first
 * asked for and kept below the operating system's temporary folder, by content
 * of their sources and version of their tools. Without a language's tools its
 * tests are skipped, loudly; sources that don't build fail them.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export type Language = "c" | "rust" | "go" | "assemblyscript" | "wat";
export type Guest = { readonly file: string } | { readonly skipped: string };

const SOURCES = join(import.meta.dirname, "../guests");
const MODULES = join(import.meta.dirname, "../../node_modules");
const CACHE = join(tmpdir(), `pilotlight-guests-${userInfo().uid}`);
/** The first Go build on a machine compiles its standard library. */
const BUILD_TIMEOUT_MS = 170_000;

interface Toolchain {
  /** One line that changes with what it would produce; throws when something is missing. */
  version(): Promise<string>;
  build(name: string, output: string): Promise<void>;
  readonly install: string;
}

const CLANG_FLAGS = ["--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Wno-unused-function"];
/** No network: what is built here has no dependencies. */
const GO_ENV = { GOOS: "wasip1", GOARCH: "wasm", GOTOOLCHAIN: "local", GOPROXY: "off", GOFLAGS: "-buildvcs=false" };
const ASC = join(MODULES, "assemblyscript/bin/asc.js");
const WASM_AS = join(MODULES, "binaryen/bin/wasm-as");
/** Not all of them: some would change encodings that V8 has not got yet (compact imports). */
const WAT_FEATURES = [
  "bulk-memory",
  "bulk-memory-opt",
  "exception-handling",
  "multimemory",
  "multivalue",
  "mutable-globals",
  "reference-types",
  "tail-call",
];

const TOOLCHAINS: Readonly<Record<Language, Toolchain>> = {
  c: {
    async version() {
      const version = await run("clang", ["--version"], SOURCES);
      // libc, the compiler's run-time library and the linker come in packages of their own.
      const probe = join(CACHE, `probe-${process.pid}`);
      writeFileSync(`${probe}.c`, '#include <stdio.h>\nint main(void) { return puts("") == 0; }\n');
      try {
        await run("clang", [...CLANG_FLAGS, "-o", `${probe}.wasm`, `${probe}.c`], CACHE);
      } finally {
        for (const ending of [".c", ".wasm"]) rmSync(probe + ending, { force: true });
      }
      return version;
    },
    async build(name, output) {
      const source = `${name}.c`;
      await run("clang", [...CLANG_FLAGS, ...flagsOf(join(SOURCES, "c", source)), "-o", output, source], join(SOURCES, "c"));
    },
    install: "apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32",
  },
  rust: {
    async version() {
      const libraries = await run("rustc", ["--print=target-libdir", "--target=wasm32-wasip1"], SOURCES);
      if (!existsSync(libraries.trim())) throw new Error("the target wasm32-wasip1 is not installed");
      return run("rustc", ["--version"], SOURCES);
    },
    async build(name, output) {
      const flags = ["--edition=2021", "--target=wasm32-wasip1", "-O", "-Cstrip=debuginfo"];
      await run("rustc", [...flags, "-o", output, `${name}.rs`], join(SOURCES, "rust"));
    },
    install: "rustup target add wasm32-wasip1",
  },
  go: {
    version: () => run("go", ["version"], join(SOURCES, "go"), GO_ENV),
    async build(name, output) {
      await run("go", ["build", "-trimpath", "-o", output, `./${name}`], join(SOURCES, "go"), GO_ENV);
    },
    install: "Go 1.22 or later from https://go.dev/dl/",
  },
  assemblyscript: {
    async version() {
      return JSON.parse(readFileSync(join(MODULES, "assemblyscript/package.json"), "utf8")).version as string;
    },
    async build(name, output) {
      await run(process.execPath, [ASC, `${name}.ts`, "--config", "asconfig.json", "--outFile", output], join(SOURCES, "assemblyscript"));
    },
    install: "npm install",
  },
  wat: {
    async version() {
      return JSON.parse(readFileSync(join(MODULES, "binaryen/package.json"), "utf8")).version as string;
    },
    async build(name, output) {
      await run(
        process.execPath,
        [WASM_AS, ...WAT_FEATURES.map((feature) => `--enable-${feature}`), "-g", "-o", output, `${name}.wat`],
        join(SOURCES, "wat"),
      );
    },
    install: "npm install",
  },
};

const known = new Map<string, Promise<Guest>>();
const ready = new Map<Language, Promise<{ key: string } | { skipped: string }>>();

/** The guest `name` as a module: a file below test/guests/<language>/ without its ending ("attacks/recursion"); for Go a folder. */
export function guest(language: Language, name: string): Promise<Guest> {
  const id = `${language}/${name}`;
  const before = known.get(id);
  if (before !== undefined) return before;
  const made = make(language, name);
  known.set(id, made);
  return made;
}

/** For node:test's `skip`: false when the guest is there. */
export function skipReason(guest: Guest): string | false {
  return "skipped" in guest ? guest.skipped : false;
}

/** The module's file; for tests that were skipped without it. */
export function fileOf(guest: Guest): string {
  if ("skipped" in guest) throw new Error(guest.skipped);
  return guest.file;
}

async function make(language: Language, name: string): Promise<Guest> {
  const tools = await toolsOf(language);
  if ("skipped" in tools) return tools;
  const file = join(CACHE, `${language}-${name.replaceAll("/", "-")}-${tools.key}.wasm`);
  if (existsSync(file)) return { file };
  // Test files run side by side: each builds for itself, the last rename stays.
  const unfinished = `${file}.${process.pid}`;
  try {
    await TOOLCHAINS[language].build(name, unfinished);
    renameSync(unfinished, file);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new Error(`Cannot build the ${language} guest ${name}: ${(error as { stderr?: string }).stderr || (error as Error).message}`);
  }
  return { file };
}

function toolsOf(language: Language): Promise<{ key: string } | { skipped: string }> {
  const before = ready.get(language);
  if (before !== undefined) return before;
  const looked = look(language);
  ready.set(language, looked);
  return looked;
}

async function look(language: Language): Promise<{ key: string } | { skipped: string }> {
  const { version, install } = TOOLCHAINS[language];
  try {
    mkdirSync(CACHE, { recursive: true, mode: 0o700 });
    return { key: keyOf(language, await version()) };
  } catch (error) {
    const why = `${(error as Error).message}\n${(error as { stderr?: string }).stderr ?? ""}`.trim().split("\n").slice(0, 3).join(" ");
    const skipped = `no guests in ${language}: its tools are not here (${why}). Install them: ${install}`;
    process.stderr.write(`SKIPPED: ${skipped}\n`);
    return { skipped };
  }
}

/** Guests share headers and modules: any change in the folder builds all of them again. */
function keyOf(language: Language, version: string): string {
  const folder = join(SOURCES, language);
  const hash = createHash("sha256")
    .update(version)
    .update(readFileSync(import.meta.filename));
  const files = globSync("**/*", { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map(({ parentPath, name }) => join(parentPath, name)).sort()) {
    hash.update(path.slice(folder.length)).update("\0").update(readFileSync(path));
  }
  return hash.digest("hex").slice(0, 16);
}

/** What only this source needs, in a line of it that reads "flags: ...". */
function flagsOf(source: string): string[] {
  const line = /\bflags: (.*?)(?:\s*\*\/)?$/m.exec(readFileSync(source, "utf8"))?.[1];
  return line === undefined ? [] : line.trim().split(/\s+/);
}

async function run(command: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd, env: { ...process.env, ...env }, timeout: BUILD_TIMEOUT_MS });
  return stdout;
}
