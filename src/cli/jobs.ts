/** `pilotlight jobs`: calls in the background and dead letters. Names what can be done with them; each has a file of its own. */
import { nearest } from "../base/suggest.ts";
import { HELP_FLAG } from "../config/flags.ts";
import { type Call, type Command, EXIT_MISUSE, printFailures } from "./command.ts";

const SUBCOMMANDS = {
  list: async () => (await import("./jobs-list.ts")).jobsList,
  show: async () => (await import("./jobs-show.ts")).jobsShow,
  replay: async () => (await import("./jobs-change.ts")).jobsReplay,
  drop: async () => (await import("./jobs-change.ts")).jobsDrop,
};

export const jobs: Command = {
  name: "jobs",
  usage: "list|show|replay|drop [flags]",
  about:
    "Looks at background calls and messages, and at those that were given up. Asks the running server;\nwhile none runs, or with --data-dir, reads the data folder itself.",
  flags: [HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight jobs list --state dead", "what was given up, and why"],
    ["pilotlight jobs show ID", "one job with its request and answer"],
    ["pilotlight jobs replay --dead", "all that were given up once more"],
  ],
  subcommands: SUBCOMMANDS,
  run: async (call) => misuse(call),
};

function misuse({ flags, io }: Call): number {
  const names = Object.keys(SUBCOMMANDS);
  const [typed] = flags.positionals;
  const meant = typed === undefined ? null : nearest(typed, names);
  const message = typed === undefined ? "Nothing is named that could be done with jobs" : `There is no jobs "${typed}"`;
  const hint = meant === null ? `Write pilotlight jobs ${names.join(", ")}` : `Did you mean ${meant}?`;
  printFailures("jobs", [{ code: "JOBS_USAGE", message, hint }], io);
  return EXIT_MISUSE;
}
