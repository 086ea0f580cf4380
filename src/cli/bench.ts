/** `pilotlight bench`: the lab. Names what can be measured; each has a file of its own. */
import { HELP_FLAG } from "../config/flags.ts";
import type { Command } from "./command.ts";
import { subcommandMisuse } from "./subcommand-usage.ts";

const SUBCOMMANDS = {
  ab: async () => (await import("./bench-ab.ts")).benchAb,
  compare: async () => (await import("./bench-compare.ts")).benchCompare,
  history: async () => (await import("./bench-history.ts")).benchHistory,
};

export const bench: Command = {
  name: "bench",
  usage: "ab|compare|history [flags]",
  about:
    "Measures so that the figures bear a second look: fresh processes in random order, CPU time of the whole\nprocess tree, intervals, and verdicts that know when there is none. `pilotlight bench ab --help` says more.",
  flags: [HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight bench ab --a 'node old.js {port}' --b 'node new.js {port}' /", "which of two servers is cheaper"],
    ["pilotlight bench compare data/ab_1 data/ab_2", "two stored results"],
    ["pilotlight bench history cpu", "what a figure did over time"],
  ],
  subcommands: SUBCOMMANDS,
  run: async (call) => subcommandMisuse(call, "bench", Object.keys(SUBCOMMANDS), "Nothing is named that could be measured"),
};
