/**
 * Who goes first: each round starts both sides once; of every two rounds each
 * side begins one, in random order, so that what going first does (heat, caches,
 * a neighbour that wakes up) meets both as often and no rhythm of the machine
 * can fall in with ours. Seeded: the same seed is the same order.
 */
export type Side = "a" | "b";

export function* rounds(random: () => number): Generator<readonly [Side, Side], never> {
  for (;;) {
    const isAFirst = random() < 0.5;
    for (const aGoesFirst of [isAFirst, !isAFirst]) yield aGoesFirst ? ["a", "b"] : ["b", "a"];
  }
}
