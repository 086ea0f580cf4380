/**
 * `pilotlight serve`: configuration, supervisor, routes, then the log. Imports
 * little and in the right order, because the time from spawn to the first
 * answer is a promise: what only people need (the table of routes) is loaded
 * while the workers boot.
 */
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { SERVER_FLAGS } from "../config/parse.ts";
import type { Call, Command } from "./command.ts";
import { runServer } from "./run-server.ts";

export const serve: Command = {
  name: "serve",
  usage: "[PATH] [flags]",
  about:
    "Serves PATH: a folder of functions, one function file, a pilotlight.yaml or what `pilotlight build` made.\nWithout PATH, the project in the working folder. SIGTERM drains and ends, SIGHUP reloads.",
  flags: [...SERVER_FLAGS.filter((flag) => flag !== HELP_FLAG), JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 1,
  examples: [
    ["pilotlight serve", "the project here, on 127.0.0.1:8080"],
    ["pilotlight serve handler.js -p 3000 -n 16 -m 64m", "one function on every path"],
    ["pilotlight serve -e 'export default () => new Response(\"hi\")'", "code from the command line"],
    ["pilotlight serve functions -h 0.0.0.0 -w 4 --static public", "four workers, files under /static/"],
    ["pilotlight serve dist --admin off", "what build made, without metrics"],
  ],
  run: (call: Call) => runServer(call, "serve"),
};
