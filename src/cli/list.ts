/**
 * `pilotlight list`: the functions of PATH with their routes and limits; what
 * a running server knows of them (lane, sandboxes, calls) is added when one
 * answers on the admin address.
 */
import { table } from "../base/table.ts";
import { palette } from "../base/terminal.ts";
import { formatDuration, formatSize } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { isolationText } from "../config/isolation-text.ts";
import { ANY_ENVIRONMENT, makeDeployment } from "../serve/deployment.ts";
import type { FunctionSpec } from "../serve/function-spec.ts";
import type { FunctionReport } from "../serve/operator.ts";
import { ADMIN_FLAG, askJson, exitStatusOf } from "./admin-client.ts";
import { type Call, type Command, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { glanceMethods } from "./method-glance.ts";
import { methodsOf } from "./route-table.ts";
import { readSource, SOURCE_FLAGS } from "./source-flags.ts";

export const list: Command = {
  name: "list",
  usage: "[PATH] [flags]",
  about:
    "Lists the functions of PATH: id, route, engine and limits. When a server runs, also the lane each is\nin, how many sandboxes are open, and what the server could not serve.",
  flags: [ADMIN_FLAG, ...SOURCE_FLAGS, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight list", "the project here"],
    ["pilotlight list --json | jq -r '.functions[].route'", "the routes alone"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const config = await readSource("list", call, call.flags.positionals);
  if (config === null) return EXIT_MISUSE;
  const { deployment } = await makeDeployment(config, 1, ANY_ENVIRONMENT);
  const running = await askJson(call, "/v1/functions");
  if (!running.ok && exitStatusOf(running.failure) === EXIT_MISUSE && running.failure.code !== "ADMIN_OFF") {
    printFailures("list", [running.failure], call.io);
    return EXIT_MISUSE;
  }
  // No server is no failure here: the list is of the folder.
  const known = new Map(running.ok ? (running.value as { functions: FunctionReport[] }).functions.map((one) => [one.id, one]) : []);
  const rows = deployment.functions.map((spec) => {
    const server = known.get(spec.id);
    // Another project's server may have a function of that name.
    return describe(spec, server?.route === spec.route ? server : undefined);
  });
  call.io.stdout.write(`${call.flag("json") ? JSON.stringify({ functions: rows }, null, 2) : report(rows, known.size > 0, call)}\n`);
  return EXIT_OK;
}

function describe(spec: FunctionSpec, running: FunctionReport | undefined) {
  const { id, route, port, engine, memoryMaxBytes, timeoutMs, failure } = spec;
  const base = {
    id,
    route,
    port,
    methods: spec.bundle === null ? (spec.methods ?? glanceMethods(engine, spec.file) ?? []) : methodsOf(spec),
    engine,
    isolation: isolationText(spec.isolation),
    memoryMaxBytes,
    timeoutMs,
    failure,
  };
  if (running === undefined) return base;
  // What keeps a function from being served, a missing secret or a failed build, is for its server to say.
  const { lane, sandboxes, calls, start } = running;
  return { ...base, failure: running.failure, lane, sandboxes, calls, start };
}

function report(rows: readonly ReturnType<typeof describe>[], isRunning: boolean, { io }: Call): string {
  if (rows.length === 0) return "No functions found.";
  const colour = palette(io.stdout, io.env);
  const hasStarts = rows.some((row) => "start" in row && row.start !== null);
  const hasPorts = rows.some(({ port }) => port !== null);
  const columns = [
    "FUNCTION",
    "ROUTE",
    ...(hasPorts ? ["PORT"] : []),
    "METHODS",
    "ENGINE",
    "ISOLATION",
    "MEMORY",
    "TIMEOUT",
    ...(hasStarts ? ["START"] : []),
    ...(isRunning ? ["LANE", "SANDBOXES", "CALLS"] : []),
    "",
  ];
  const cells = rows.map((row) => [
    row.id,
    row.route,
    ...(hasPorts ? [row.port === null ? "" : String(row.port)] : []),
    row.methods.join(",") || "any",
    row.engine,
    row.isolation,
    formatSize(row.memoryMaxBytes),
    formatDuration(row.timeoutMs),
    ...(hasStarts ? ["start" in row ? (row.start?.mode ?? "") : ""] : []),
    ...(isRunning ? ("lane" in row ? [row.lane, String(row.sandboxes), String(row.calls)] : ["", "", ""]) : []),
    row.failure === null ? "" : colour.red(row.failure.code),
  ]);
  return table(
    columns.map((title) => ({ title, align: title === "SANDBOXES" || title === "CALLS" ? "right" : "left" })),
    cells,
  );
}
