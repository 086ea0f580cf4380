/**
 * `pilotlight mirror`: the package-index mirror. Alone it serves, which is what
 * people start it for; what else it can do are commands of their own, each in
 * a file of its own. Imports little, because the time from spawn to the first
 * answer is a promise (mirror-serve.ts).
 */
import { nearest } from "../base/suggest.ts";
import { HELP_FLAG, JSON_FLAG } from "../config/flags.ts";
import { MIRROR_FLAGS } from "../config/mirror/parse.ts";
import { type Call, type Command, EXIT_MISUSE, printFailures } from "./command.ts";
import { serveMirror } from "./mirror-serve.ts";
import { subcommandMisuse } from "./subcommand-usage.ts";

const SUBCOMMANDS = {
  serve: async () => mirrorServe,
  bundle: async () => (await import("./mirror-bundle.ts")).mirrorBundle,
  import: async () => (await import("./mirror-import.ts")).mirrorImport,
  verify: async () => (await import("./mirror-verify.ts")).mirrorVerify,
};

const mirrorServe: Command = {
  name: "mirror serve",
  usage: "[flags]",
  about:
    "Mirrors a package index for pip and uv: verified files, kept pages, one question to the index for all who\nask. Without --index-url, the index that pip or uv on this machine is set to. SIGTERM drains and ends.",
  flags: [...MIRROR_FLAGS, JSON_FLAG, HELP_FLAG],
  positionalMaxCount: 0,
  examples: [
    ["pilotlight mirror", "this machine's index, on 127.0.0.1:5005"],
    ["pilotlight mirror -i https://index.example/simple/ --cache-size 50g", "another index, a larger cache"],
    ["pilotlight mirror --packages wheels --pin 'acme-*=index-2'", "own packages first, names that one index owns"],
    ["pilotlight mirror --offline", "what is kept, and nobody asked"],
    ["pilotlight mirror --cooldown 7d --policy shadow", "what a week of waiting would have hidden"],
    ["pilotlight mirror bundle uv.lock -o locked.tar", "all that an install needs, for a machine without a network"],
  ],
  run: serveMirror,
};

export const mirror: Command = {
  ...mirrorServe,
  name: "mirror",
  usage: `[${Object.keys(SUBCOMMANDS).join("|")}] [flags]`,
  positionalMaxCount: 1,
  subcommands: SUBCOMMANDS,
  run: async (call: Call) => {
    const [typed = "serve"] = call.flags.positionals;
    // Flags may stand before the word, as they may before every other.
    if (typed === "serve") return serveMirror(call);
    const names = Object.keys(SUBCOMMANDS);
    if (names.includes(typed)) {
      return misuse(call, `Flags stand before "${typed}", which has flags of its own`, `Write pilotlight mirror ${typed} first`);
    }
    if (nearest(typed, names) !== null) return subcommandMisuse(call, "mirror", names, "");
    return misuse(call, `Unknown subcommand "${typed}"; to serve a folder: --packages ${typed}`, `The subcommands are ${names.join(", ")}`);
  },
};

function misuse({ io }: Call, message: string, hint: string): number {
  printFailures("mirror", [{ code: "MIRROR_USAGE", message, hint }], io);
  return EXIT_MISUSE;
}
