/**
 * Starts of process functions that take long to begin: plainly, forked from a
 * process that has done its imports, restored by CRIU, and of a V8 startup snapshot.
 * From the order to READY, by phase, and to the first answer: what a way puts off until
 * the first call is to be seen. Ways are interleaved; each start is a fresh process.
 */
import type { SnapshotKind } from "../../src/config/process-settings.ts";
import { quantile } from "../../src/stats/quantile.ts";
import { type Bar, type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import { interleave } from "../support/interleave.ts";
import { quantileBar, ratioBar, spread } from "../support/spread.ts";
import { type StartCosts, type StartLanguage, type StartSubject, startSubject } from "../support/start-subjects.ts";

const STARTS_PER_ROUND = 10;
const WAYS: readonly (readonly [StartLanguage, SnapshotKind])[] = [
  ["Python", "none"],
  ["Python", "fork"],
  ["Python", "criu"],
  ["Node", "none"],
  ["Node", "node"],
];

export const processStart: Figure = {
  name: "process-start",
  title: "Starts of process functions that take long to begin, called through the ring",
  document: "docs/figures-process-start.md",
  async run(effort: Effort): Promise<FigureResult> {
    const subjects = new Map<string, StartSubject>();
    const notes: string[] = [];
    try {
      for (const [language, snapshot] of WAYS) {
        const subject = await startSubject(language, snapshot, effort.scale);
        if ("unavailable" in subject) notes.push(`${language} with snapshot: ${snapshot} is not measured here: ${subject.unavailable}`);
        else subjects.set(`${language} ${snapshot}`, subject);
      }
      const count = scaled(effort.rounds * STARTS_PER_ROUND, effort);
      const costs = await interleave([...subjects.values()], count, (subject) => subject.measure());
      const of = (key: string): readonly StartCosts[] => costs.get(subjects.get(key)!) ?? [];
      return {
        columns: ["function, its instances", "spawn, fork or restore ms", "to READY ms", "p95 ms", "to the first answer ms"],
        rows: [...subjects.values()].map((subject) => row(subject, costs.get(subject)!)),
        provenance: `Medians of ${count} starts of each way, interleaved in random order.`,
        bars: bars(of),
        notes: [...notes, "a restored process says READY before the restore counts as done: its second phase is in its first"],
      };
    } finally {
      for (const subject of subjects.values()) subject.close();
    }
  },
};

const readyMs = (costs: StartCosts): number => costs.readyMs;

function row({ name }: StartSubject, costs: readonly StartCosts[]): string[] {
  const p95 = quantile(
    costs.map(readyMs).toSorted((a, b) => a - b),
    0.95,
  );
  return [
    name,
    spread(costs.map(({ spawnMs }) => spawnMs)),
    spread(costs.map(readyMs)),
    p95.toFixed(1),
    spread(costs.map(({ answerMs }) => answerMs)),
  ];
}

/** Of the ways that there are. */
function bars(of: (key: string) => readonly StartCosts[]): Bar[] {
  const times = (key: string): number[] => of(key).map(readyMs);
  const [plain, forked, restored] = [times("Python none"), times("Python fork"), times("Python criu")];
  const found: Bar[] = [];
  if (forked.length > 0) found.push(quantileBar("Python, forked, order to READY, p95", forked, 0.95, 15, "ms"));
  if (restored.length > 0) found.push(ratioBar("Python, restored by CRIU against started", restored, plain, 0.35));
  const [node, snapshot] = [times("Node none"), times("Node node")];
  if (snapshot.length > 0) found.push(ratioBar("Node, from a startup snapshot against started", snapshot, node, 1));
  return found;
}
