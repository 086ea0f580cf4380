/** Rounds: each measures every subject once, in an order of its own, so that what drifts meets all alike. */
import type { ProcessSample } from "../../src/lab/ab/plan.ts";
import { createRandom } from "../../src/stats/random.ts";
import type { Effort } from "./figure.ts";
import type { Lab, Subject } from "./lab.ts";

const SEED = 1;

export async function interleave<One, Value>(
  subjects: readonly One[],
  roundCount: number,
  measure: (subject: One) => Promise<Value>,
): Promise<Map<One, Value[]>> {
  const random = createRandom(SEED);
  const values = new Map<One, Value[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < roundCount; round++) {
    const order = subjects.map((subject) => ({ subject, at: random() })).toSorted((one, other) => one.at - other.at);
    for (const { subject } of order) values.get(subject)!.push(await measure(subject));
  }
  return values;
}

/** Servers, each in a fresh process, warmed and loaded. */
export function measureAll(subjects: readonly Subject[], effort: Effort, lab: Lab): Promise<Map<Subject, ProcessSample[]>> {
  return interleave(subjects, effort.rounds, (subject) =>
    lab.measure(subject, { ...effort, warmUpSeconds: effort.warmUpSeconds * (subject.processCount ?? 1) }),
  );
}

export function roundsText({ rounds }: Effort): string {
  return `Medians of ${rounds} rounds, interleaved in random order; each value is of a fresh process.`;
}
