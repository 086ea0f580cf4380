/**
 * Env files: `NAME=value` lines that fill what the environment lacks, as
 * Node's --env-file does. The one place that writes to an environment, so that
 * settings, `secrets` and `allow.env` find the values where they look anyway.
 * What the file gave before is taken back first: a saved .env takes effect at
 * the next reload. Must not say a value in any message.
 */
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import type { Failure } from "../base/result.ts";
import { statOrNull } from "./source.ts";

export const ENV_FILE_NAME = ".env";

const FILE_MAX_BYTES = 1024 * 1024;

type Env = Readonly<Record<string, string | undefined>>;

/** By environment: the names that a file has set there, and to what. */
const filled = new WeakMap<Env, ReadonlyMap<string, string>>();

/** Without a `file`, takes back what an earlier one gave. */
export function fillEnvironment(env: Env, file: string | null): Failure | null {
  const target = env as Record<string, string | undefined>;
  for (const [name, value] of filled.get(env) ?? []) if (target[name] === value) delete target[name];
  filled.delete(env);
  if (file === null) return null;
  const read = readEnvFile(file);
  if ("code" in read) return read;
  const absent = [...read.values].filter(([name]) => target[name] === undefined);
  for (const [name, value] of absent) target[name] = value;
  filled.set(env, new Map(absent));
  return null;
}

function readEnvFile(file: string): Failure | { readonly values: ReadonlyMap<string, string> } {
  const unreadable = (why: string): Failure => ({
    code: "CONFIG_FILE_UNREADABLE",
    message: `Cannot read ${file}: ${why}`,
    hint: "Give --env-file a text of NAME=value lines",
  });
  const stats = statOrNull(file);
  if (stats === null) return unreadable("no such file");
  if (!stats.isFile()) return unreadable("it is no file");
  if (stats.size > FILE_MAX_BYTES) return unreadable("it is larger than 1 MiB");
  try {
    const parsed = Object.entries(parseEnv(readFileSync(file, "utf8")));
    return { values: new Map(parsed.filter((pair): pair is [string, string] => pair[1] !== undefined)) };
  } catch (error) {
    return unreadable((error as Error).message);
  }
}
