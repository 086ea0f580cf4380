/**
 * `pilotlight stats`: what a running server has done, summed over its workers;
 * with --watch again and again, in place on a terminal, one after the other in a
 * pipe.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseDuration } from "../base/units.ts";
import { type Flag, HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import type { ServerStats } from "../serve/operator.ts";
import { ADMIN_FLAG, askJson, exitStatusOf } from "./admin-client.ts";
import { type Call, type Command, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";
import { type Before, statsReport } from "./stats-report.ts";

const EVERY = "1s";
/** Collecting asks every worker: more often, the looking would be what is seen. */
const EVERY_MIN_MS = 100;
/** Home, and everything below it cleared: what stood longer must not stay. */
const CLEAR = "\x1b[H\x1b[J";

const WATCH_FLAG: Flag = { name: "watch", short: "w", group: "Output", help: "again and again, until ctrl-C" };
const EVERY_FLAG: Flag = { name: "every", value: "DURATION", group: "Output", help: "between two looks of --watch", shown: EVERY };

export const stats: Command = {
  name: "stats",
  usage: "[flags]",
  about:
    "Asks a running server for its workers and, per function, calls, latency, cold starts and the\npool; for process functions their instances too. For graphs scrape /metrics on the admin address instead.",
  flags: [WATCH_FLAG, EVERY_FLAG, ADMIN_FLAG, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 0,
  examples: [
    ["pilotlight stats", "the server on this machine"],
    ["pilotlight stats --watch", "live: calls a second, and the latency of the last second's calls"],
    ["pilotlight stats --json | jq '.workers[].residentBytes'", "memory of each worker"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const every = parseDuration(call.flag("every") ?? EVERY);
  if (!every.ok || every.value < EVERY_MIN_MS) {
    const fault = every.ok ? `is too short: give at least ${EVERY_MIN_MS}ms` : every.failure;
    printFailures("stats", [{ code: "CONFIG_BAD_VALUE", message: `--every "${call.flag("every")}" ${fault}` }], call.io);
    return EXIT_MISUSE;
  }
  return call.flag("watch") === undefined ? once(call) : watch(call, every.value);
}

async function once(call: Call): Promise<number> {
  const answer = await askJson(call, "/v1/stats");
  if (!answer.ok) {
    printFailures("stats", [answer.failure], call.io);
    return exitStatusOf(answer.failure);
  }
  call.io.stdout.write(`${call.flag("json") ? JSON.stringify(answer.value, null, 2) : statsReport(answer.value as ServerStats)}\n`);
  return EXIT_OK;
}

async function watch(call: Call, everyMs: number): Promise<number> {
  const { stdout } = call.io;
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  let before: { readonly stats: ServerStats; readonly atMs: number } | null = null;
  while (!stopped.signal.aborted) {
    const answer = await askJson(call, "/v1/stats");
    if (!answer.ok) {
      printFailures("stats", [answer.failure], call.io);
      return exitStatusOf(answer.failure);
    }
    const now = { stats: answer.value as ServerStats, atMs: performance.now() };
    // A server that was started anew has other counts: there is no before.
    const since: Before | null =
      before === null || now.stats.uptimeMs < before.stats.uptimeMs ? null : { stats: before.stats, elapsedMs: now.atMs - before.atMs };
    if (call.flag("json") !== undefined) stdout.write(`${JSON.stringify(now.stats)}\n`);
    else stdout.write(`${stdout.isTTY ? CLEAR : ""}${statsReport(now.stats, since)}\n${stdout.isTTY ? "" : "\n"}`);
    before = now;
    await sleep(everyMs, undefined, { signal: stopped.signal }).catch(() => {});
  }
  return EXIT_OK;
}
