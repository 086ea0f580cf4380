/**
 * Order of failures: those of one file by their lines, as whoever mends it goes
 * through it; what no file says (flags, variables) comes before.
 */
import type { Failure } from "../base/result.ts";

export function inOrderOfLines(failures: readonly Failure[]): readonly Failure[] {
  const byFile = Map.groupBy(failures, ({ at }) => (at?.line === undefined ? null : at.file));
  const elsewhere = byFile.get(null) ?? [];
  byFile.delete(null);
  return [...elsewhere, ...[...byFile.values()].flatMap((ofOne) => ofOne.toSorted(byPlace))];
}

function byPlace({ at: one }: Failure, { at: other }: Failure): number {
  return one!.line! - other!.line! || (one!.column ?? 0) - (other!.column ?? 0);
}
