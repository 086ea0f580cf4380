/**
 * Compares what a replay came to with what was recorded: the first difference,
 * in the order in which it would have shown. Pure.
 */
import { ENDED } from "../../../../guest/wasi/channel.ts";
import type { Outcome } from "./recording.ts";

const ENDS: ReadonlyMap<number | null, string> = new Map<number | null, string>([
  [ENDED.exited, "ended by itself"],
  [ENDED.trapped, "trapped"],
  [ENDED.outputTooLarge, "wrote too much"],
  [ENDED.waiting, "had to wait"],
  [null, "was stopped by a limit"],
]);

/** Null when they are the same, byte for byte. */
export function differenceOf(recorded: Outcome, replayed: Outcome): string | null {
  if (recorded.ended !== replayed.ended) {
    const why = replayed.failure === null ? "" : ` (${replayed.failure.message})`;
    return `the recorded run ${ENDS.get(recorded.ended)}, and this one ${ENDS.get(replayed.ended)}${why}`;
  }
  if (recorded.exitCode !== replayed.exitCode) return `the recorded exit code is ${recorded.exitCode}, and this one ${replayed.exitCode}`;
  // Which limit came first is a matter of time, which is not replayed.
  if (recorded.ended !== null && recorded.failure?.message !== replayed.failure?.message)
    return `the recorded run failed with "${recorded.failure?.message}", and this one with "${replayed.failure?.message}"`;
  const output = bytesDiffer("standard output", recorded.stdout, replayed.stdout);
  if (output !== null) return output;
  return bytesDiffer("standard error", base64(recorded.stderr), base64(replayed.stderr));
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function bytesDiffer(name: string, recorded: string | null, replayed: string | null): string | null {
  if (recorded === replayed || recorded === null || replayed === null) return null;
  const [before, now] = [Buffer.from(recorded, "base64"), Buffer.from(replayed, "base64")];
  const shorter = Math.min(before.length, now.length);
  let at = 0;
  while (at < shorter && before[at] === now[at]) at++;
  if (at < shorter) return `${name} differs at byte ${at}`;
  return `${name} has ${now.length} bytes, and the recorded one ${before.length}`;
}
