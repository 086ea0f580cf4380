/** A plain command: whatever is on its standard input, in capital letters. Arguments come first, one a line. */
import { programArguments, readText, writeText } from "./wasi";

function main(): void {
  const args = programArguments();
  for (let at = 1; at < args.length; at++) writeText(args[at] + "\n");
  writeText(readText().toUpperCase());
}

main();
