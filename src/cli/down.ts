/**
 * `pilotlight down`: ends a server on this machine as SIGTERM does, found by its
 * admin API, and waits until it is gone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail, ok, type Result } from "../base/result.ts";
import { parseDuration, SECOND_MS } from "../base/units.ts";
import { type Flag, HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { ADMIN_FLAG, askJson, exitStatusOf } from "./admin-client.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";

const PATIENCE = "60s";
const LOOK_EVERY_MS = 50;

const WAIT_FLAG: Flag = { name: "wait", value: "DURATION", group: "Server", help: "how long its calls may take to end", shown: PATIENCE };

export const down: Command = {
  name: "down",
  usage: "[flags]",
  about: "Ends the server on this machine: it finishes the calls that it has, and exits.",
  flags: [WAIT_FLAG, ADMIN_FLAG, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 0,
  examples: [["pilotlight down", "the server that `pilotlight up` or `serve` started here"]],
  run,
};

async function run(call: Call): Promise<number> {
  const { io } = call;
  const patience = parseDuration(call.flag("wait") ?? PATIENCE);
  if (!patience.ok) {
    printFailures("down", [{ code: "CONFIG_BAD_VALUE", message: `--wait "${call.flag("wait")}" ${patience.failure}` }], io);
    return EXIT_MISUSE;
  }
  const answer = await askJson(call, "/v1/health");
  if (!answer.ok) {
    printFailures("down", [answer.failure], io);
    return exitStatusOf(answer.failure);
  }
  const { pid } = answer.value as { pid: number };
  const ended = await end(pid, patience.value);
  if (!ended.ok) {
    printFailures("down", [{ code: "SERVER_STAYS", ...ended.failure }], io);
    return EXIT_FAILED;
  }
  io.stdout.write(call.flag("json") === undefined ? `Stopped (process ${pid}).\n` : `${JSON.stringify({ stopped: pid })}\n`);
  return EXIT_OK;
}

async function end(pid: number, patienceMs: number): Promise<Result<void, { readonly message: string; readonly hint: string }>> {
  try {
    process.kill(pid, "SIGTERM");
    for (const untilMs = performance.now() + patienceMs; performance.now() < untilMs; ) {
      process.kill(pid, 0);
      await sleep(LOOK_EVERY_MS);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return ok(undefined);
    const hint = "Run it as the server's user, on the server's machine";
    return fail({ message: `Cannot end process ${pid}: ${code === "EPERM" ? "it is another user's" : (error as Error).message}`, hint });
  }
  const seconds = Math.round(patienceMs / SECOND_MS);
  return fail({
    message: `Process ${pid} has calls that did not end within ${seconds} s`,
    hint: `Give --wait more, or end it at once: kill -9 ${pid}`,
  });
}
