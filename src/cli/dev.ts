/**
 * `pilotlight dev`: serve with one worker, log lines for people, errors shown
 * with their source, and a reload whenever a file is saved.
 */
import { HELP_FLAG } from "../config/flags.ts";
import { SERVER_FLAGS } from "../config/parse.ts";
import type { Command } from "./command.ts";
import { runServer } from "./run-server.ts";

export const dev: Command = {
  name: "dev",
  usage: "[PATH] [flags]",
  about:
    "Serves PATH while you work on it: one worker, readable log, errors shown in the browser with their\nsource lines, reload on save. The same sandbox and limits as serve. Not for strangers.",
  flags: SERVER_FLAGS.map((flag) => (flag.name === "workers" ? { ...flag, shown: "1" } : flag))
    .filter((flag) => flag.name !== HELP_FLAG.name)
    .concat(HELP_FLAG),
  positionalMaxCount: 1,
  examples: [
    ["pilotlight dev", "the project here, on 127.0.0.1:8080"],
    ["pilotlight dev functions/hello.ts -p 3000", "one function on every path"],
  ],
  run: (call) => runServer(call, "dev"),
};
