/** `pilotlight jobs`: calls in the background and dead letters. Names what can be done with them; each has a file of its own. */
import { HELP_FLAG } from "../config/flags.ts";
import type { Command } from "./command.ts";
import { subcommandMisuse } from "./subcommand-usage.ts";

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
  run: async (call) => subcommandMisuse(call, "jobs", Object.keys(SUBCOMMANDS), "Nothing is named that could be done with jobs"),
};
