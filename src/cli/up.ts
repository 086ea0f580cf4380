/**
 * `pilotlight up`: `serve` as Aetherless calls it. Without PATH it serves the
 * aetherless.yaml in the working folder, where there is one. It stays in the
 * foreground, as `up --foreground` does there: what goes into the background
 * belongs to a service manager.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Flag } from "../config/flags.ts";
import { AETHERLESS_FILE_NAME } from "../config/source.ts";
import type { Call, Command } from "./command.ts";
import { runServer } from "./run-server.ts";
import { serve } from "./serve.ts";

const FOREGROUND_FLAG: Flag = { name: "foreground", short: "f", group: "Server", help: "stays in the foreground: it always does" };

export const up: Command = {
  ...serve,
  name: "up",
  about: `Serves PATH as \`serve\` does; without PATH the ${AETHERLESS_FILE_NAME} in the working folder, or else the project there.\n\`pilotlight down\` ends it.`,
  flags: [FOREGROUND_FLAG, ...serve.flags],
  examples: [
    ["pilotlight up", `the ${AETHERLESS_FILE_NAME} here: each function on its trigger_port`],
    ["pilotlight up multi_service.yaml -w 1", "another file, one worker"],
  ],
  run: (call) => runServer(withDefaultPath(call), "serve", "up"),
};

function withDefaultPath(call: Call): Call {
  const { flags, io } = call;
  const isNamed = flags.positionals.length > 0 || flags.values.has("eval") || flags.values.has("config");
  if (isNamed || !existsSync(join(io.cwd, AETHERLESS_FILE_NAME))) return call;
  return { ...call, flags: { ...flags, positionals: [AETHERLESS_FILE_NAME] } };
}
