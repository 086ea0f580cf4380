/** What a command with subcommands says when it is called without one, or with one that it doesn't have. */
import { nearest } from "../base/suggest.ts";
import { type Call, EXIT_MISUSE, printFailures } from "./command.ts";

/** `nothingNamed` is told to who named none. */
export function subcommandMisuse({ flags, io }: Call, command: string, subcommands: readonly string[], nothingNamed: string): number {
  const [typed] = flags.positionals;
  const meant = typed === undefined ? null : nearest(typed, subcommands);
  const message = typed === undefined ? nothingNamed : `There is no ${command} "${typed}"`;
  const hint = meant === null ? `Write pilotlight ${command} ${subcommands.join(", or ")}` : `Did you mean ${meant}?`;
  printFailures(command, [{ code: `${command.toUpperCase()}_USAGE`, message, hint }], io);
  return EXIT_MISUSE;
}
