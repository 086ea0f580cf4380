/**
 * `pilotlight validate`: builds every function, loads it once in a sandbox,
 * and says which can be served, with the place of what is wrong in those that
 * can't. Starts no server and calls no handler.
 */
import { relative } from "node:path";
import type { Failure } from "../base/result.ts";
import { table } from "../base/table.ts";
import { palette } from "../base/terminal.ts";
import { formatDuration, formatSize } from "../base/units.ts";
import type { Config } from "../config/config.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { isolationText } from "../config/isolation-text.ts";
import { ANY_ENVIRONMENT, makeDeployment, noFunctions } from "../serve/deployment.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";
import { type WasmStart, wasmStartOf } from "../serve/wasm-start.ts";
import { type Call, type Command, describeFailure, EXIT_FAILED, EXIT_MISUSE, EXIT_OK } from "./command.ts";
import { methodsOf } from "./route-table.ts";
import { readWorkplace, SOURCE_FLAGS } from "./source-flags.ts";
import { buildAll, settled } from "./validate-build.ts";
import { checkLoading } from "./validate-load.ts";
import { checkPrograms, type ProgramCheck } from "./validate-process.ts";

export const validate: Command = {
  name: "validate",
  usage: "[PATH] [flags]",
  about:
    "Bundles and loads every function of PATH, calls none, and reports what can't be served, with file and line.\nEnds with 1 when something can't. Types are not checked. A secret that is not set here is a note: only the\nserver needs it, and a function that waits for one is not loaded.",
  flags: [...SOURCE_FLAGS, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight validate", "the project here"],
    ["pilotlight validate functions/hello.ts", "one function"],
    ["pilotlight validate --json | jq '.functions[] | select(.failure)'", "only what fails"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const config = await readWorkplace("validate", call, call.flags.positionals);
  if (config === null) return EXIT_MISUSE;
  const { deployment, notices, ...made } = await makeDeployment(config, 1, ANY_ENVIRONMENT);
  const isEmpty = deployment.functions.length === 0 && made.failures.length === 0;
  const failures = isEmpty ? [noFunctions(config)] : made.failures;
  const here = (await makeDeployment(config, 1, call.io.env)).deployment.functions;
  const built = await buildAll(config, deployment.functions);
  const loaded = await checkLoading(
    withBundles(
      here,
      built.map(({ spec }) => spec),
    ),
    config.dataDir,
  );
  const programs = await checkPrograms(here);
  const failureOf = (id: string): Failure | null => loaded.failures.get(id) ?? programs.failures.get(id) ?? null;
  const functions = await Promise.all(built.map((one) => settled(one, failureOf(one.spec.id))));
  const warnings = [...secretsMissing(config, here, call), ...loaded.warnings];
  const failed = functions.filter((spec) => spec.failure !== null).length + failures.length;
  const text = call.flag("json")
    ? JSON.stringify({ functions: functions.map((spec) => describe(spec, programs)), notices, warnings, failures, failed }, null, 2)
    : report(functions, programs, notices, warnings, failures, call);
  call.io.stdout.write(`${text}\n`);
  return failed === 0 ? EXIT_OK : EXIT_FAILED;
}

/** No failure here: functions are validated where the server's secrets are not, and should not be. */
function secretsMissing(config: Config, here: readonly FunctionSpec[], { io }: Call): Failure[] {
  const secretsOf = new Map(Object.entries(config.functions).map(([key, { id = key, secrets = [] }]) => [id, secrets]));
  return here.flatMap(({ id, failure }) => {
    if (failure?.code !== "SECRET_MISSING") return [];
    const missing = (secretsOf.get(id) ?? []).filter((name) => io.env[name] === undefined);
    return { ...failure, message: `${id} needs ${missing.join(", ")} when it is served`, hint: undefined };
  });
}

/** With the values of the environment here; those that miss one keep their failure, and so are not loaded. */
function withBundles(here: readonly FunctionSpec[], built: readonly FunctionSpec[]): FunctionSpec[] {
  const builtById = new Map(built.map((spec) => [spec.id, spec]));
  return here.map((spec) => {
    const { bundle = null, failure = null } = builtById.get(spec.id) ?? {};
    return { ...spec, bundle, failure: spec.failure ?? failure };
  });
}

function seenFrom(cwd: string, failure: Failure): Failure {
  return failure.at === undefined ? failure : { ...failure, at: { ...failure.at, file: relative(cwd, failure.at.file) } };
}

/** What --json says of a function: no values of its environment. */
function describe(spec: FunctionSpec, { limits }: ProgramCheck): object {
  const { id, route, engine, file, memoryMaxBytes, timeoutMs, isolation, failure } = spec;
  return {
    id,
    route,
    methods: methodsOf(spec),
    engine,
    file,
    memoryMaxBytes,
    timeoutMs,
    isolation: isolationText(isolation),
    start: wasmStartOf(spec),
    limits: limits.get(id) ?? null,
    failure,
  };
}

function report(
  functions: readonly FunctionSpec[],
  { limits }: ProgramCheck,
  notices: readonly string[],
  warnings: readonly Failure[],
  failures: readonly Failure[],
  { io }: Call,
): string {
  const colour = palette(io.stdout, io.env);
  const rows = functions.map((spec) => [
    spec.failure === null ? colour.green("ok") : colour.red("FAIL"),
    spec.route,
    methodsOf(spec).join(",") || "any",
    spec.engine,
    isolationText(spec.isolation),
    formatSize(spec.memoryMaxBytes),
    formatDuration(spec.timeoutMs),
    spec.file === "" ? "-e" : relative(io.cwd, spec.file),
  ]);
  const titles = ["", "ROUTE", "METHODS", "ENGINE", "ISOLATION", "MEMORY", "TIMEOUT", "FILE"];
  const problems = [...functions.flatMap((spec) => spec.failure ?? []), ...failures];
  const good = functions.filter((spec) => spec.failure === null).length;
  return [
    ...(functions.length === 0
      ? []
      : [
          table(
            titles.map((title) => ({ title })),
            rows,
          ),
        ]),
    ...functions.flatMap((spec) => startLine(spec, wasmStartOf(spec))),
    ...limitLines(limits),
    ...notices.map((notice) => `${colour.yellow("note")}  ${notice}`),
    ...warnings.map((warning) => `${colour.yellow("note")}  ${describeFailure(seenFrom(io.cwd, warning))}`),
    ...problems.map((failure) => `\n${colour.red("FAIL")}  ${describeFailure(seenFrom(io.cwd, failure))}`),
    "",
    `${good} of ${functions.length} functions can be served${failures.length > 0 ? `; ${failures.length} more ${failures.length === 1 ? "problem" : "problems"}` : ""}`,
  ].join("\n");
}

/** Functions with the same limits share their lines. */
function limitLines(limits: ProgramCheck["limits"]): string[] {
  const alike = Map.groupBy(limits, ([, lines]) => lines.join("\n"));
  return [...alike].flatMap(([text, entries]) => [
    `      ${entries.map(([id]) => id).join(", ")} on this machine:`,
    ...text.split("\n").map((line) => `        ${line}`),
  ]);
}

/** How requests of a module start and what they look like: chosen for the developer, who may want to choose otherwise. */
function startLine({ id, failure }: FunctionSpec, start: WasmStart | null): string[] {
  // What can't be served has no requests.
  if (start === null || failure !== null) return [];
  return [
    `      ${id} starts requests by ${start.mode}: ${start.modeReason}`,
    `      ${id} keeps the contract ${start.contract}: ${start.contractReason}`,
  ];
}
