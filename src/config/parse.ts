/**
 * Parse: the command line, the environment and pilotlight.yaml become one
 * frozen Config, all problems reported together. The only place that decides
 * which of them wins: flags, then environment, then file, then defaults.
 * Behind this line nobody defaults or re-checks.
 */
import { availableParallelism, totalmem } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import type { Config, FunctionOverrides, Source } from "./config.ts";
import { ENV_FILE_NAME, fillEnvironment } from "./env-file.ts";
import { CONFIG_FLAG, CONFIG_VARIABLE, ENV_FILE_FLAG } from "./file-flags.ts";
import { type Flag, HELP_FLAG, type ParsedFlags, parseFlags } from "./flags.ts";
import { MIRROR_KEY } from "./keys.ts";
import { flagLayer, type Layer } from "./layer.ts";
import { type ServerOptions, SOURCE_OPTIONS } from "./options.ts";
import { NO_SETTINGS, readServerTree, type ServerTree } from "./server-tree.ts";
import type { SettingTable } from "./setting.ts";
import { SETTING_FLAGS, SETTINGS } from "./settings.ts";
import { type Machine, settle } from "./settle.ts";
import { type FoundSource, findSource, statOrNull } from "./source.ts";
import { type Env, misspeltVariables, type Variable, variableLayer } from "./variables.ts";

export interface CommandLine {
  readonly mode: Config["mode"];
  readonly args: readonly string[];
  /** An env file fills what it lacks. */
  readonly env: Env;
  /** For this reading alone, above those of `env`. */
  readonly variables?: Env;
  /** Whether a project's .env is read unasked; dev always does. */
  readonly readsDotEnv?: boolean;
  readonly cwd: string;
  readonly machine?: Machine;
}

/** The flags of `serve` and `dev`. */
export const SERVER_FLAGS: readonly Flag[] = [
  ...SETTING_FLAGS,
  { name: "eval", short: "e", value: "CODE", group: "Files", help: "serve this code on every path instead of a PATH" },
  CONFIG_FLAG,
  ENV_FILE_FLAG,
  HELP_FLAG,
];

const VARIABLES: readonly Variable[] = Object.entries(SETTINGS as SettingTable).flatMap(([setting, { env }]) =>
  env === undefined ? [] : [{ name: env, setting }],
);

export function parseConfig(line: CommandLine): Promise<Result<Config, readonly Failure[]>> {
  return configFromFlags(parseFlags(SERVER_FLAGS, line.args, 1), line);
}

/** As parseConfig, for a command that parsed its own table: flags that name a setting count. */
export async function configFromFlags(flags: ParsedFlags, line: Omit<CommandLine, "args">): Promise<Result<Config, readonly Failure[]>> {
  const { values, positionals } = flags;
  const code = values.get("eval")?.[0];
  const path = positionals[0] ?? null;
  const found = locate(code, path, line.cwd);
  const named = values.get(ENV_FILE_FLAG.name)?.[0];
  const envFile = named === undefined ? dotEnvOf(found, values.get("config")?.[0], line) : resolve(line.cwd, named);
  const unreadable = fillEnvironment(line.env, envFile);
  const env = { ...line.env, ...line.variables };
  const misspelt = misspeltVariables(env, "PILOTLIGHT_", [CONFIG_VARIABLE, ...VARIABLES.map(({ name }) => name)]);
  const failures = [...flags.failures, ...(unreadable === null ? [] : [unreadable]), ...misspelt];
  if (code !== undefined && path !== null) {
    failures.push({ code: "CONFIG_CONFLICT", message: `Both --eval and ${path} are given`, hint: "Keep one of them" });
  }
  const config = values.get("config")?.[0] ?? env[CONFIG_VARIABLE] ?? null;
  const layers = [flagLayer(SETTING_FLAGS, values, line.cwd), variableLayer(VARIABLES, env, line.cwd)];
  return assemble({ ...line, found, config, layers, functions: {}, failures });
}

/** createServer's options to a Config; a pilotlight.yaml that belongs to the path is read below them. */
export async function resolveConfig(options: ServerOptions, cwd: string, machine?: Machine): Promise<Result<Config, readonly Failure[]>> {
  const read = readServerTree({ root: options, baseDir: cwd, at: () => undefined }, SOURCE_OPTIONS);
  return assemble({
    mode: options.mode ?? "serve",
    cwd,
    ...(machine ? { machine } : {}),
    found: locate(options.eval, options.path ?? null, cwd),
    config: options.config ?? null,
    layers: [read.layer],
    functions: read.functions,
    failures: [...read.failures],
  });
}

interface Parts {
  readonly mode: Config["mode"];
  readonly cwd: string;
  readonly machine?: Machine;
  readonly found: Result<FoundSource>;
  /** A file, false for none, null for the one that belongs to the path. */
  readonly config: string | false | null;
  readonly layers: readonly Layer[];
  readonly functions: Readonly<Record<string, FunctionOverrides>>;
  readonly failures: Failure[];
}

async function assemble(parts: Parts): Promise<Result<Config, readonly Failure[]>> {
  const { cwd, failures, found } = parts;
  if (!found.ok) failures.push(found.failure);
  const file = await readConfigFile(parts, found.ok ? found.value.configFile : null, failures);
  const source = sourceOf(found.ok ? found.value.source : { kind: "folder", path: cwd }, file);
  const machine = parts.machine ?? thisMachine();
  const functions = { ...file.functions, ...parts.functions };
  const settled = settle(parts.mode, [...parts.layers, file.layer], source, functions, cwd, machine);
  failures.push(...settled.failures);
  return failures.length === 0 ? ok(settled.config) : fail(failures);
}

/** A file that lists its functions stands for the folder that it lies in. */
function sourceOf(source: Source, { isList }: ServerTree): Source {
  return isList && source.kind === "folder" ? { kind: "listed", path: source.path } : source;
}

function locate(code: string | undefined, path: string | null, cwd: string): Result<FoundSource> {
  if (code !== undefined) return ok({ source: { kind: "eval", code }, configFile: null });
  return findSource(path, cwd);
}

/** The .env beside pilotlight.yaml, or where one would be; null when nobody asked or there is none. */
function dotEnvOf(found: Result<FoundSource>, config: string | undefined, line: Omit<CommandLine, "args">): string | null {
  if (!found.ok || !(line.mode === "dev" || line.readsDotEnv)) return null;
  const { source, configFile } = found.value;
  const besideSource = (path: string) => (basename(path) === "functions" ? dirname(path) : path);
  let folder: string | null = source.kind === "folder" ? besideSource(source.path) : null;
  if (config !== undefined) folder = dirname(resolve(line.cwd, config));
  else if (configFile !== null) folder = dirname(configFile);
  const file = folder === null ? null : join(folder, ENV_FILE_NAME);
  return file !== null && statOrNull(file)?.isFile() ? file : null;
}

async function readConfigFile(parts: Parts, beside: string | null, failures: Failure[]): Promise<ServerTree> {
  const file = parts.config === null ? beside : parts.config === false ? null : resolve(parts.cwd, parts.config);
  if (file === null) return NO_SETTINGS;
  const { loadYaml } = await import("./yaml.ts");
  const loaded = await loadYaml(file);
  if (!loaded.ok) {
    failures.push(...loaded.failure);
    return NO_SETTINGS;
  }
  const { isAetherless, readAetherless } = await import("./aetherless.ts");
  const read = isAetherless(loaded.value.root) ? readAetherless(loaded.value, parts.cwd) : readServerTree(loaded.value, [MIRROR_KEY]);
  failures.push(...read.failures);
  return read;
}

function thisMachine(): Machine {
  // Inside a container its own limit counts, not the machine's memory.
  const constrained = process.constrainedMemory();
  const memoryBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { cpuCount: availableParallelism(), memoryBytes };
}
