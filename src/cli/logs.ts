/**
 * `pilotlight logs`: the recent log lines of a running server, of one function
 * or of all, and with -f each new one as it comes.
 */
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { createLineStyle, wantsColour } from "../telemetry/log-style.ts";
import { ADMIN_FLAG, ask, exitStatusOf, findOnServer } from "./admin-client.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_OK, printFailures } from "./command.ts";

export const logs: Command = {
  name: "logs",
  usage: "[FUNCTION] [flags]",
  about:
    "Prints what a running server and its functions have logged lately. The server keeps the newest\nlines in memory; for all of them keep its standard output.",
  flags: [{ name: "follow", short: "f", group: "Output", help: "stay, and print each new line" }, ADMIN_FLAG, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight logs", "the last lines of everything"],
    ["pilotlight logs -f api/orders", "follow one function"],
    ["pilotlight logs --json | jq 'select(.level == \"error\")'", "only errors"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const { io } = call;
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stop);
  const wanted = call.flags.positionals[0];
  const found = wanted === undefined ? null : await findOnServer(call, wanted);
  if (found?.ok === false) {
    printFailures("logs", [found.failure], io);
    return exitStatusOf(found.failure);
  }
  const query = new URLSearchParams({
    ...(found === null ? {} : { function: found.value }),
    ...(call.flag("follow") ? { follow: "1" } : {}),
  });
  const answer = await ask(call, `/v1/logs?${query}`, { signal: stopped.signal });
  if (!answer.ok) {
    printFailures("logs", [answer.failure], io);
    return exitStatusOf(answer.failure);
  }
  const style = call.flag("json") ? (line: string) => line : createLineStyle(wantsColour(io.stdout, io.env));
  try {
    for await (const line of linesOf(answer.value)) io.stdout.write(`${style(line)}\n`);
  } catch (error) {
    if (stopped.signal.aborted) return EXIT_OK;
    const message = `The log ended: ${(error as Error).message}`;
    printFailures("logs", [{ code: "LOGS_BROKEN", message, hint: "Did the server stop?" }], io);
    return EXIT_FAILED;
  }
  return EXIT_OK;
}

async function* linesOf({ body }: Response): AsyncGenerator<string> {
  let rest = "";
  for await (const text of (body ?? new ReadableStream<Uint8Array<ArrayBuffer>>()).pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== "") yield rest;
}
