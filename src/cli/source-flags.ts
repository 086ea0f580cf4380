/**
 * Flags of the commands that read functions without serving them to others
 * (invoke, test, validate, list, build), and their way to a Config: the same
 * settings as serve would use, so that what passes here passes there.
 */
import type { Config } from "../config/config.ts";
import { CONFIG_FLAG, ENV_FILE_FLAG } from "../config/file-flags.ts";
import type { Flag } from "../config/flags.ts";
import { configFromFlags } from "../config/parse.ts";
import { SETTING_FLAGS } from "../config/settings.ts";
import { prepareDataFolder } from "../store/data-folder.ts";
import { type Call, printFailures } from "./command.ts";

/** For a command that asks for no limits. */
export const FILE_FLAGS: readonly Flag[] = [...SETTING_FLAGS.filter((flag) => flag.name === "data-dir"), CONFIG_FLAG];

const LIMITS = ["memory", "timeout", "cpu-timeout"];

/** Commands that run functions, as a developer does at work: they read the project's .env. */
const READ_DOT_ENV = ["invoke", "test"];

export const SOURCE_FLAGS: readonly Flag[] = [...SETTING_FLAGS.filter((flag) => LIMITS.includes(flag.name)), ...FILE_FLAGS];

/** For a command that runs functions. */
export const RUN_FLAGS: readonly Flag[] = [...SOURCE_FLAGS, { ...ENV_FILE_FLAG, shown: "the project's .env" }];

/** As readSource, for a command that bundles: its data folder is there and can be written. */
export async function readWorkplace(command: string, call: Call, positionals: readonly string[]): Promise<Config | null> {
  const config = await readSource(command, call, positionals);
  const unusable = config === null ? null : prepareDataFolder(config.dataDir);
  if (unusable === null) return config;
  printFailures(command, [unusable], call.io);
  return null;
}

/** Null when something was wrong; it has been printed then. */
export async function readSource(command: string, call: Call, positionals: readonly string[]): Promise<Config | null> {
  // Other flags of these commands may share a name with a setting: --admin there is a server to ask.
  const values = new Map([...call.flags.values].filter(([name]) => RUN_FLAGS.some((flag) => flag.name === name)));
  const result = await configFromFlags(
    { ...call.flags, values, positionals },
    {
      mode: "serve",
      env: call.io.env,
      cwd: call.io.cwd,
      // Whoever asks a server by PILOTLIGHT_ADMIN must not be refused for what would expose one.
      variables: { PILOTLIGHT_ADMIN: "off" },
      readsDotEnv: READ_DOT_ENV.includes(command),
    },
  );
  if (result.ok) return result.value;
  printFailures(command, result.failure, call.io);
  return null;
}
