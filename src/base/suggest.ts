/**
 * "Did you mean": the known word nearest to what somebody typed.
 * Only a near miss is offered; a wild guess would send the reader astray.
 */

/** The nearest known word, or null when none is near enough to be a typing error. */
export function nearest(typed: string, known: Iterable<string>): string | null {
  const slack = typed.length <= 3 ? 1 : typed.length <= 7 ? 2 : 3;
  let best: string | null = null;
  let bestDistance = slack + 1;
  for (const word of known) {
    const distance = editDistance(typed.toLowerCase(), word.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = word;
      bestDistance = distance;
    }
  }
  return best;
}

/** " Did you mean x?" or nothing, to follow a sentence. */
export function didYouMean(typed: string, known: Iterable<string>): string {
  const word = nearest(typed, known);
  return word === null ? "" : ` Did you mean ${word}?`;
}

/** Edits and swaps of neighbours (optimal string alignment); stops caring at `limit`. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}
