/**
 * Who goes first: each round starts both sides once, in random order, so that
 * what drifts (heat, neighbours, caches) meets both alike and no rhythm of the
 * machine can fall in with ours. Seeded: the same seed is the same order.
 */
export type Side = "a" | "b";

export function* rounds(random: () => number): Generator<readonly [Side, Side], never> {
  for (;;) yield random() < 0.5 ? ["a", "b"] : ["b", "a"];
}
