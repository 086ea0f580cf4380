/**
 * The admin API as the commands use it: where it listens, how to ask it, and
 * what to say when nobody answers.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Failure, fail, ok, type Result } from "../base/result.ts";
import { didYouMean } from "../base/suggest.ts";
import type { Flag } from "../config/flags.ts";
import { isPlainObject, readAddress } from "../config/readers.ts";
import { AETHERLESS_FILE_NAME, CONFIG_FILE_NAME } from "../config/source.ts";
import { type Call, EXIT_FAILED, EXIT_MISUSE } from "./command.ts";

export const ADMIN_FLAG: Flag = {
  name: "admin",
  value: "ADDR",
  group: "Server",
  help: "where the server's admin API is, or its https:// address; the token is $PILOTLIGHT_ADMIN_TOKEN",
  shown: "127.0.0.1:8081",
};

const ADDRESS_DEFAULT = "127.0.0.1:8081";
/** Counting and summing take milliseconds; profiles say how long they take. */
const PATIENCE_MS = 10_000;

export interface Question {
  readonly method?: "GET" | "POST";
  /** How long the answer may take beyond the usual. */
  readonly extraMs?: number;
  /** Ends a stream that has no end of its own. */
  readonly signal?: AbortSignal;
}

/** The answer of the server, whatever its body is; a failure when there is none or it refuses. */
export async function ask(
  call: Pick<Call, "flag" | "io">,
  path: string,
  { method = "GET", extraMs = 0, signal }: Question = {},
): Promise<Result<Response>> {
  const origin = adminOrigin(
    call.flag("admin") ?? call.io.env["PILOTLIGHT_ADMIN"] ?? (await projectAddress(call.io.cwd)) ?? ADDRESS_DEFAULT,
  );
  if (!origin.ok) return origin;
  const token = call.io.env["PILOTLIGHT_ADMIN_TOKEN"];
  const url = new URL(path, origin.value);
  try {
    const answer = await fetch(url, {
      method,
      headers: token ? { authorization: `Bearer ${token}` } : {},
      signal: signal ?? AbortSignal.timeout(PATIENCE_MS + extraMs),
      redirect: "error",
    });
    return answer.ok ? ok(answer) : fail(await refusal(url, answer));
  } catch (error) {
    return fail(noAnswer(url, error as Error));
  }
}

export async function askJson(call: Pick<Call, "flag" | "io">, path: string): Promise<Result<unknown>> {
  const answer = await ask(call, path);
  if (!answer.ok) return answer;
  try {
    return ok(await answer.value.json());
  } catch (error) {
    return fail({
      code: "ADMIN_ANSWER",
      message: `Cannot read the answer of ${path}: ${(error as Error).message}`,
      hint: "Is something else listening there?",
    });
  }
}

/** The id of the function that is meant, by id or route; a failure when the server has none such. */
export async function findOnServer(call: Pick<Call, "flag" | "io">, wanted: string): Promise<Result<string>> {
  const answer = await askJson(call, "/v1/functions");
  if (!answer.ok) return answer;
  const { functions } = answer.value as { functions: readonly { id: string; route: string }[] };
  const found = functions.find(({ id }) => id === wanted) ?? functions.find(({ id, route }) => route === wanted || `/${id}` === wanted);
  if (found !== undefined) return ok(found.id);
  const ids = functions.map((one) => one.id);
  const here = ids.length === 0 ? "It has none" : `It has ${ids.slice(0, 10).join(", ")}${ids.length > 10 ? ", …" : ""}`;
  return fail({
    code: "FUNCTION_UNKNOWN",
    message: `The server has no function "${wanted}"`,
    hint: didYouMean(wanted, ids).trim() || here,
  });
}

/** `admin` of the pilotlight.yaml here, as `serve` would take it: on the usual port may be another project's server. */
async function projectAddress(cwd: string): Promise<string | null> {
  const file = join(cwd, CONFIG_FILE_NAME);
  if (!existsSync(file)) return aetherlessAddress(cwd);
  const { loadYaml } = await import("../config/yaml.ts");
  const tree = await loadYaml(file);
  const admin = tree.ok ? (tree.value.root as { admin?: unknown } | null)?.admin : undefined;
  if (admin === false) return "off";
  if (typeof admin === "string" || typeof admin === "number") return String(admin);
  if (!isPlainObject(admin)) return null;
  const [host, port] = ADDRESS_DEFAULT.split(":");
  return `${admin["host"] ?? host}:${admin["port"] ?? port}`;
}

/** As `up` would take it: the usual port may be one of its functions'. */
async function aetherlessAddress(cwd: string): Promise<string | null> {
  const file = join(cwd, AETHERLESS_FILE_NAME);
  if (!existsSync(file)) return null;
  const { parseConfig } = await import("../config/parse.ts");
  const config = await parseConfig({ mode: "serve", args: [file], env: {}, cwd });
  return config.ok && config.value.admin !== null ? `${config.value.admin.host}:${config.value.admin.port}` : null;
}

function adminOrigin(text: string): Result<string> {
  if (/^https?:\/\//.test(text)) {
    const url = URL.parse(text);
    if (url !== null) return ok(url.origin);
  }
  const address = readAddress(text);
  if (!address.ok) return fail({ code: "CONFIG_BAD_VALUE", message: `--admin "${text}" ${address.failure}` });
  if (address.value === null)
    return fail({
      code: "ADMIN_OFF",
      message: "The admin API is off",
      hint: "Give the address of a server that has one: --admin HOST:PORT",
    });
  const host = address.value.host ?? "127.0.0.1";
  return ok(`http://${host.includes(":") ? `[${host}]` : host}:${address.value.port}`);
}

async function refusal(url: URL, answer: Response): Promise<Failure> {
  const text = await answer.text().catch(() => "");
  const said = field(text, "message") ?? `status ${answer.status}`;
  const hint = answer.status === 401 || answer.status === 403 ? "Set PILOTLIGHT_ADMIN_TOKEN to the server's token" : field(text, "hint");
  return { code: "ADMIN_REFUSED", message: `${url.origin} refused ${url.pathname}: ${said}`, ...(hint === undefined ? {} : { hint }) };
}

/** Errors of the server are { error: { code, message, hint } }. */
function field(text: string, name: "message" | "hint"): string | undefined {
  try {
    const value = (JSON.parse(text) as { error?: Record<string, unknown> }).error?.[name];
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Misuse is what the words typed can mend; a server that is away is no misuse. */
export function exitStatusOf({ code }: Failure): number {
  return ["CONFIG_BAD_VALUE", "ADMIN_OFF", "FUNCTION_UNKNOWN"].includes(code) ? EXIT_MISUSE : EXIT_FAILED;
}

function noAnswer(url: URL, error: Error): Failure {
  const cause = error.cause as { code?: string; message?: string } | undefined;
  const why = error.name === "TimeoutError" ? "no answer in time" : (cause?.code ?? cause?.message ?? error.message);
  return {
    code: "ADMIN_UNREACHABLE",
    message: `No server answers on ${url.origin}: ${why}`,
    hint: "Start one with pilotlight serve, or give its --admin HOST:PORT",
  };
}
