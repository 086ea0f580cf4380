/** `pilotlight stats`: what a running server has done, summed over its workers. */
import { type Column, table } from "../base/table.ts";
import { describeBytes, formatDuration, SECOND_MS } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import type { FunctionStats, ServerStats, WorkerStats } from "../serve/operator.ts";
import { ADMIN_FLAG, askJson, exitStatusOf } from "./admin-client.ts";
import { type Call, type Command, EXIT_OK, printFailures } from "./command.ts";

export const stats: Command = {
  name: "stats",
  usage: "[flags]",
  about:
    "Asks a running server for its workers and, per function, calls, latency, cold starts and the\npool. For graphs scrape /metrics on the admin address instead.",
  flags: [ADMIN_FLAG, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 0,
  examples: [
    ["pilotlight stats", "the server on this machine"],
    ["watch -n 1 pilotlight stats", "again every second"],
    ["pilotlight stats --json | jq '.workers[].residentBytes'", "memory of each worker"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const answer = await askJson(call, "/v1/stats");
  if (!answer.ok) {
    printFailures("stats", [answer.failure], call.io);
    return exitStatusOf(answer.failure);
  }
  call.io.stdout.write(`${call.flag("json") ? JSON.stringify(answer.value, null, 2) : report(answer.value as ServerStats)}\n`);
  return EXIT_OK;
}

function report(server: ServerStats): string {
  const restarts = Object.entries(server.restartsByReason).map(([reason, count]) => `${count} by ${reason}`);
  const refused = Object.entries(server.refusedByStatus).map(([status, count]) => `${count} with ${status}`);
  return [
    `Up ${uptime(server.uptimeMs)}, deployment ${server.version}, ${server.connectionsOpen} connections open`,
    ...(restarts.length > 0 ? [`Workers replaced: ${restarts.join(", ")}`] : []),
    ...(refused.length > 0 ? [`Refused before a function: ${refused.join(", ")}`] : []),
    "",
    workerTable(server.workers),
    "",
    server.functions.length === 0 ? "No function was called yet." : functionTable(server.functions),
  ].join("\n");
}

function workerTable(workers: readonly WorkerStats[]): string {
  const columns = columnsOf("WORKER", "PID", "MEMORY", "UP", "RESTARTS", "ONLY FUNCTION");
  return table(
    columns,
    workers.map((one) => [
      one.name,
      String(one.pid),
      describeBytes(one.residentBytes),
      uptime(one.uptimeMs),
      String(one.restarts),
      one.function ?? "",
    ]),
  );
}

function functionTable(functions: readonly FunctionStats[]): string {
  const columns = columnsOf("FUNCTION", "CALLS", "5XX", "P50", "P95", "P99", "COLD", "TIMEOUTS", "POOL", "EXHAUSTED");
  return table(
    columns,
    functions.map((one) => [
      one.id,
      String(one.requests),
      String(one.errors),
      latency(one.latencyP50Us),
      latency(one.latencyP95Us),
      latency(one.latencyP99Us),
      String(one.coldStarts),
      String(one.timeouts),
      `${one.pool.inUse}/${one.pool.size}`,
      String(one.pool.exhausted),
    ]),
  );
}

/** Everything but names to the right. */
function columnsOf(...titles: readonly string[]): Column[] {
  return titles.map((title) => ({ title, align: /WORKER|FUNCTION/.test(title) ? "left" : "right" }));
}

function latency(us: number | null): string {
  if (us === null) return "";
  return us < 1_000 ? `${Math.round(us)} us` : `${(us / 1_000).toFixed(us < 100_000 ? 1 : 0)} ms`;
}

function uptime(ms: number): string {
  return formatDuration(Math.max(1, Math.floor(ms / SECOND_MS)) * SECOND_MS);
}
