/**
 * `pilotlight profile FUNCTION`: where a running function spends its time or
 * its memory, in the formats that Chrome's DevTools and VS Code open.
 */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { SECOND_MS } from "../base/units.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { GUEST_SCRIPT } from "../engines/javascript/source-map.ts";
import { ADMIN_FLAG, ask, exitStatusOf, findOnServer } from "./admin-client.ts";
import { type Call, type Command, EXIT_FAILED, EXIT_MISUSE, EXIT_OK, printFailures } from "./command.ts";

const WHAT = "What to record";
const SECONDS_DEFAULT = 5;
const SECONDS_MAX = 120;

export const profile: Command = {
  name: "profile",
  usage: "FUNCTION [flags]",
  about:
    "Records a function (its id or route) of a running server and writes a file for Chrome's DevTools or VS Code. For that time its\ncalls go to a worker of its own, where memory and CPU limits don't hold. It has to be called meanwhile.",
  flags: [
    { name: "cpu", group: WHAT, help: "where the time goes; the default" },
    { name: "heap", group: WHAT, help: "what the memory is allocated for" },
    { name: "seconds", value: "N", group: WHAT, help: `how long, at most ${SECONDS_MAX}`, shown: String(SECONDS_DEFAULT) },
    { name: "out", short: "o", value: "FILE", group: "Output", help: "file to write", shown: "FUNCTION.cpuprofile or .heapprofile" },
    ADMIN_FLAG,
    JSON_FLAG,
    HELP_FLAG,
  ],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight profile /api/orders", "five seconds of CPU"],
    ["pilotlight profile api/orders --heap --seconds 30 -o orders.heapprofile", "half a minute of allocations"],
  ],
  run,
};

async function run(call: Call): Promise<number> {
  const { io, flags, flag } = call;
  const wanted = flags.positionals[0];
  const kind = flag("heap") ? "heap" : "cpu";
  const seconds = Number(flag("seconds") ?? SECONDS_DEFAULT);
  const wrong = problemOf(wanted, seconds, flag("seconds"), Boolean(flag("cpu") && flag("heap")));
  if (wanted === undefined || wrong !== null) {
    printFailures("profile", [{ code: "PROFILE_USAGE", ...(wrong ?? NO_FUNCTION) }], io);
    return EXIT_MISUSE;
  }
  const found = await findOnServer(call, wanted);
  if (!found.ok) {
    printFailures("profile", [found.failure], io);
    return exitStatusOf(found.failure);
  }
  const functionId = found.value;
  if (!flag("json")) io.stderr.write(`Recording ${functionId} for ${seconds} s ...\n`);
  const query = new URLSearchParams({ function: functionId, kind, seconds: String(seconds) });
  const answer = await ask(call, `/v1/profile?${query}`, { method: "POST", extraMs: seconds * SECOND_MS + 30 * SECOND_MS });
  if (!answer.ok) {
    printFailures("profile", [answer.failure], io);
    return exitStatusOf(answer.failure);
  }
  const file = resolve(io.cwd, flag("out") ?? `${functionId.replace(/[^\w.-]+/g, "-")}.${kind}profile`);
  try {
    const text = await answer.value.text();
    await writeFile(file, text);
    // It starts in a worker of its own: one call, and the profile has the sandbox being opened.
    const wasCalled = text.includes(`"url":"${GUEST_SCRIPT}"`);
    if (!wasCalled) io.stderr.write(`${functionId} was not called meanwhile: the profile shows an idle worker. Call it while you record\n`);
    io.stdout.write(
      flag("json")
        ? `${JSON.stringify({ file, kind, bytes: text.length, wasCalled })}\n`
        : `Wrote ${file}: open it in Chrome's DevTools or VS Code\n`,
    );
    return EXIT_OK;
  } catch (error) {
    const message = `Cannot write ${file}: ${(error as Error).message}`;
    printFailures("profile", [{ code: "PROFILE_UNWRITABLE", message, hint: "Give another file with -o" }], io);
    return EXIT_FAILED;
  }
}

const NO_FUNCTION = { message: "No function is named", hint: "Write: pilotlight profile FUNCTION; pilotlight list names them" };

function problemOf(
  functionId: string | undefined,
  seconds: number,
  written: string | undefined,
  isBoth: boolean,
): { message: string; hint: string } | null {
  if (functionId === undefined) return NO_FUNCTION;
  if (isBoth) return { message: "Both --cpu and --heap are given", hint: "Keep one of them" };
  if (seconds > 0 && seconds <= SECONDS_MAX) return null;
  return { message: `--seconds "${written}" is not a number above 0 and up to ${SECONDS_MAX}`, hint: "Write --seconds 5" };
}
