/**
 * `pilotlight build`: everything that a start would otherwise do, done once
 * into a folder. V8's part runs in a child process, because isolates need a
 * Node flag that this process was not started with.
 */
import { spawn } from "node:child_process";
import { relative } from "node:path";
import { programFile } from "../base/package-files.ts";
import { table } from "../base/table.ts";
import { describeBytes } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { V8_FLAGS } from "../engines/isolate/v8-flags.ts";
import { type BuildReport, buildDeployment, type CompileInput } from "../serve/build.ts";
import type { CompileJob } from "./build-compile.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { FILE_FLAGS, readWorkplace } from "./source-flags.ts";

const OUT_DEFAULT = "dist";

export const build: Command = {
  name: "build",
  usage: "[PATH] [flags]",
  about:
    "Bundles and compiles every function of PATH into DIR, whole or not at all. `pilotlight serve DIR` then\nstarts without bundling or parsing. An earlier build in DIR is replaced, whatever\nelse lies there stays. What pilotlight.yaml says of single functions is built in; the rest is read when DIR\nis served, from DIR or the folder above it.",
  flags: [
    { name: "out", short: "o", value: "DIR", group: "Files", help: "where the build goes", shown: OUT_DEFAULT },
    ...FILE_FLAGS,
    JSON_FLAG,
    HELP_FLAG,
  ],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight build", "the project here, into dist"],
    ["pilotlight serve dist", "serve what was built"],
  ],
  run,
};

const COMPILE_ENTRY = programFile("cli/build-compile");

async function run(call: Call): Promise<number> {
  const out = call.flag("out") ?? OUT_DEFAULT;
  const config = await readWorkplace("build", call, call.flags.positionals);
  if (config === null) return EXIT_MISUSE;
  const { cwd, stdout } = call.io;
  const compile = (inputs: readonly CompileInput[], snapshotFile: string) =>
    compileApart({ inputs, snapshotFile, dataDir: config.dataDir });
  const result = await buildDeployment(config, out.startsWith("/") ? out : `${cwd}/${out}`, compile);
  if (!result.ok) {
    printFailures("build", result.failure, call.io);
    return result.failure.some(({ code }) => code === "OUT_DIR_REFUSED") ? EXIT_MISUSE : EXIT_FAILED;
  }
  stdout.write(`${call.flag("json") ? JSON.stringify(result.value, null, 2) : report(result.value, cwd)}\n`);
  return EXIT_OK;
}

/** The child's complaints go to this process's standard error. */
function compileApart(job: CompileJob): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...V8_FLAGS, COMPILE_ENTRY], { stdio: ["pipe", "ignore", "inherit"] });
    child.once("error", reject);
    child.once("close", (status, signal) => {
      if (status === 0) resolve();
      else reject(new Error(`compiling ended with ${signal ?? `status ${status}`}`));
    });
    child.stdin.on("error", () => {});
    child.stdin.end(JSON.stringify(job));
  });
}

function report({ outDir, functions, notices }: BuildReport, cwd: string): string {
  const rows = functions.map((one) => [one.id, one.route, describeBytes(one.codeBytes), describeBytes(one.codeCacheBytes)]);
  const columns = [
    { title: "FUNCTION" },
    { title: "ROUTE" },
    { title: "CODE", align: "right" as const },
    { title: "COMPILED", align: "right" as const },
  ];
  const shown = relative(cwd, outDir) || ".";
  return [
    table(columns, rows),
    ...notices.map((notice) => `note  ${notice}`),
    "",
    `Built ${functions.length} functions. Serve them: pilotlight serve ${shown}`,
  ].join("\n");
}
