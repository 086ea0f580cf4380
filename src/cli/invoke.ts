/**
 * `pilotlight invoke FUNCTION`: one call through the real thing (router,
 * sandbox, limits) without a server that anybody else could reach. The body
 * goes to standard output, everything else to standard error, so that a call
 * can stand in a pipe.
 */
import { readFile } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { fail, ok, type Result } from "../base/result.ts";
import { didYouMean } from "../base/suggest.ts";
import { printable } from "../base/terminal.ts";
import type { Config } from "../config/config.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { statOrNull } from "../config/source.ts";
import { makeDeployment } from "../serve/deployment.ts";
import { ERROR_CODE_HEADER } from "../serve/error-page.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { type CallAnswer, httpCall, type OutgoingCall, readWhole } from "./http-call.ts";
import { StartFailed, withPrivateServer } from "./private-server.ts";
import { methodsOf, samplePath } from "./route-table.ts";
import { RUN_FLAGS, readWorkplace } from "./source-flags.ts";

const REQUEST = "Request";

export const invoke: Command = {
  name: "invoke",
  usage: "FUNCTION [flags]",
  about:
    "Calls one function and prints the body of its answer. FUNCTION is an id (api/users/[id]), a route,\na path that a route matches, or a function file. Ends with 0 below status 400, else with 1.",
  flags: [
    { name: "method", short: "X", value: "M", group: REQUEST, help: "method", shown: "GET, or POST with --data" },
    { name: "path", value: "P", group: REQUEST, help: "path and query to call", shown: "one that the route matches" },
    { name: "header", short: "H", value: "'K: V'", group: REQUEST, help: "a header; may be repeated", repeatable: true },
    { name: "data", short: "d", value: "D", group: REQUEST, help: "body: text, @FILE, or - for standard input" },
    { name: "source", short: "s", value: "PATH", group: "Files", help: "folder or project that holds the function", shown: "." },
    ...RUN_FLAGS,
    { name: "include", short: "i", group: "Output", help: "status and headers on standard output, before the body" },
    JSON_FLAG,
    HELP_FLAG,
  ],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight invoke hello --path '/hello?name=Ada'", "a function of the project here"],
    ["pilotlight invoke functions/hello.ts", "a file, alone"],
    ["echo '{}' | pilotlight invoke api/orders -X POST -d -", "a body from a pipe"],
  ],
  run,
};

/** Bodies and answers may take as long as the function's own limit; this is for a server that broke. */
const SILENCE_MAX_MS = 120_000;

async function run(call: Call): Promise<number> {
  const wanted = call.flags.positionals[0];
  if (wanted === undefined || wanted === "")
    return misuse(call, "No function is named", "Write: pilotlight invoke FUNCTION; pilotlight list names them");
  const isFile = statOrNull(resolve(call.io.cwd, wanted))?.isFile() ?? false;
  const source = call.flag("source");
  const positional = source ?? (isFile ? wanted : undefined);
  const config = await readWorkplace("invoke", call, positional === undefined ? [] : [positional]);
  if (config === null) return EXIT_MISUSE;
  const { deployment } = await makeDeployment(config, 1, call.io.env);
  const found = findFunction(deployment.functions, isFile ? resolve(call.io.cwd, wanted) : wanted);
  if (found === null) {
    const ids = deployment.functions.map((spec) => spec.id);
    return misuse(
      call,
      `There is no function "${wanted}"`,
      didYouMean(wanted, ids).trim() || `Functions here: ${ids.slice(0, 10).join(", ") || "none"}`,
    );
  }
  if (found.spec.failure !== null) {
    printFailures("invoke", [found.spec.failure], call.io);
    return EXIT_FAILED;
  }
  const outgoing = await readRequest(call, found.spec, found.path);
  if (!outgoing.ok) return misuse(call, outgoing.failure, "See pilotlight invoke --help");
  return invokeOnce(call, config, outgoing.value);
}

async function invokeOnce(call: Call, config: Config, outgoing: OutgoingCall): Promise<number> {
  try {
    return await withPrivateServer(
      // There is no server log to look into: errors come in full, as dev shows them.
      { ...config, mode: "dev" },
      (line) => call.io.stderr.write(line),
      async (address) => {
        const answer = await httpCall(address, outgoing, SILENCE_MAX_MS);
        await print(call, answer);
        return answer.status < 400 ? EXIT_OK : EXIT_FAILED;
      },
    );
  } catch (error) {
    const message = `Cannot complete ${outgoing.method} ${outgoing.target}: ${(error as Error).message}`;
    const hint = "The reason, if there is one, is in the lines above";
    printFailures("invoke", error instanceof StartFailed ? error.failures : [{ code: "INVOKE_FAILED", message, hint }], call.io);
    return EXIT_FAILED;
  }
}

/** By file, id, route, or a path; a path also says what to call. */
function findFunction(functions: readonly FunctionSpec[], wanted: string): { spec: FunctionSpec; path: string | null } | null {
  const slashed = wanted.split(sep).join("/");
  const exact = functions.find(
    (spec) => spec.file === wanted || spec.id === slashed || spec.route === slashed || spec.id === slashed.replace(/^\//, ""),
  );
  if (exact !== undefined) return { spec: exact, path: null };
  if (!slashed.startsWith("/")) return null;
  const path = slashed.split("?", 1)[0]!;
  const matching = functions.find((spec) => routePattern(spec.route).test(path));
  return matching === undefined ? null : { spec: matching, path: slashed };
}

/** Only to find the function that somebody means; requests are routed by the server's own router. */
function routePattern(route: string): RegExp {
  const parts = route.split("/").map((part) => {
    if (part.startsWith(":")) return "[^/]+";
    return part === "*" ? ".*" : part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("/")}$`);
}

async function readRequest(call: Call, spec: FunctionSpec, path: string | null): Promise<Result<OutgoingCall, string>> {
  const headers: [string, string][] = [];
  for (const line of call.flags.values.get("header") ?? []) {
    const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(line);
    if (match === null) return fail(`--header "${line}" is not a header: write 'Name: value'`);
    headers.push([match[1]!, match[2]!]);
  }
  const body = await readData(call);
  if (!body.ok) return body;
  const target = call.flag("path") ?? path ?? samplePath(spec.route);
  if (!/^\/[\x21-\x7e]*$/.test(target)) return fail(`--path "${target}" is not a path: begin with "/" and percent-encode blanks`);
  const method = (call.flag("method") ?? (body.value === null ? defaultMethod(spec) : "POST")).toUpperCase();
  if (!/^[A-Z][A-Z-]{0,19}$/.test(method)) return fail(`--method "${method}" is not a method`);
  return ok({ method, target, headers, body: body.value });
}

function defaultMethod(spec: FunctionSpec): string {
  const methods = methodsOf(spec);
  return methods.length === 0 || methods.includes("GET") ? "GET" : methods[0]!;
}

async function readData({ flag, io }: Call): Promise<Result<Uint8Array | null, string>> {
  const data = flag("data");
  if (data === undefined) return ok(null);
  if (data === "-") return ok(await readWhole(io.stdin));
  if (!data.startsWith("@")) return ok(Buffer.from(data));
  try {
    return ok(await readFile(resolve(io.cwd, data.slice(1))));
  } catch (error) {
    return fail(`--data ${data}: ${(error as NodeJS.ErrnoException).code === "ENOENT" ? "no such file" : (error as Error).message}`);
  }
}

async function print({ flag, io }: Call, answer: CallAnswer): Promise<void> {
  if (flag("json")) {
    const body = Buffer.from(await readWhole(answer.body));
    const text = body.toString("utf8");
    const isText = Buffer.from(text).equals(body);
    io.stdout.write(
      `${JSON.stringify({ status: answer.status, headers: answer.headers, ...(isText ? { body: text } : { bodyBase64: body.toString("base64") }) })}\n`,
    );
    return;
  }
  const head = [`HTTP/1.1 ${answer.status} ${answer.statusText}`, ...answer.headers.map(([name, value]) => `${name}: ${value}`)];
  if (flag("include")) io.stdout.write(`${printable(head.join("\n"))}\n\n`);
  else if (answer.status >= 400) io.stderr.write(`${printable(head[0]!)}\n`);
  // Our own page of an error says what the log on standard error has said.
  const isTold = !flag("include") && answer.headers.some(([name]) => name.toLowerCase() === ERROR_CODE_HEADER);
  for await (const chunk of answer.body) if (!isTold) io.stdout.write(chunk);
}

function misuse({ io }: Call, message: string, hint: string): number {
  printFailures("invoke", [{ code: "INVOKE_USAGE", message, hint }], io);
  return EXIT_MISUSE;
}
