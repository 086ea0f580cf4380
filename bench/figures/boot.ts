/** Spawn to first right answer: `serve` of a built folder beside a bare node:http server. */
import { rounds as inTurn } from "../../src/lab/ab/schedule.ts";
import { createRandom } from "../../src/stats/random.ts";
import type { Effort, Figure, FigureResult } from "../support/figure.ts";
import type { Lab, Subject } from "../support/lab.ts";
import { ratioBar, spread } from "../support/spread.ts";
import { built, healthFolder, nodeHttp, pilotlight } from "../support/subjects.ts";

const STARTS_PER_ROUND = 3;
const SEED = 1;

export const boot: Figure = {
  name: "boot",
  title: "Spawn to first 200, one worker, built, 1 ms poll",
  async run({ rounds }: Effort, lab: Lab): Promise<FigureResult> {
    const bare = nodeHttp();
    const ours = pilotlight({ folder: built(healthFolder("sync")), name: "pilotlight serve, built" });
    const times = new Map<Subject, number[]>([
      [bare, []],
      [ours, []],
    ]);
    const order = inTurn(createRandom(SEED));
    // The first start of each fills caches (compiled code, the heap snapshot): not counted.
    for (let round = 0; round <= rounds * STARTS_PER_ROUND; round++) {
      for (const side of order.next().value) {
        const subject = side === "a" ? bare : ours;
        const server = await lab.start(subject);
        if (round > 0) times.get(subject)!.push(server.bootMs);
        await server.stop();
      }
    }
    const of = (subject: Subject): number[] => times.get(subject) as number[];
    return {
      columns: ["server", "ms"],
      rows: [bare, ours].map((subject) => [subject.name, spread(of(subject))]),
      provenance: `Medians of ${rounds * STARTS_PER_ROUND} starts of each, in pairs in random order; each start is a fresh process.`,
      bars: [ratioBar("pilotlight against bare node:http", of(ours), of(bare), 2.5)],
    };
  },
};
