/**
 * Spawn to first page with 100,000 files in the cache, beside a bare node:http
 * server. The cache is filled through the mirror itself, one small wheel after
 * the other, by a process that has ended before anything is timed.
 */
import { rounds as inTurn } from "../../src/lab/ab/schedule.ts";
import { createRandom } from "../../src/stats/random.ts";
import type { Effort, Figure, FigureResult } from "../support/figure.ts";
import type { Lab, Subject } from "../support/lab.ts";
import { PIP_PAGE } from "../support/mirror/clients.ts";
import { smallFile, smallFilenames } from "../support/mirror/content.ts";
import { DOCUMENT } from "../support/mirror/contest.ts";
import { asks, mirror } from "../support/mirror/index-server.ts";
import { type World, withWorld } from "../support/mirror/world.ts";
import { ratioBar, spread } from "../support/spread.ts";
import { nodeHttp, workFolder } from "../support/subjects.ts";

const STARTS_PER_ROUND = 3;
const OF_BARE_MAX = 2.5;
const SEED = 1;
const FILLING_AT_ONCE = 32;

export const mirrorBoot: Figure = {
  name: "mirror-boot",
  title: "Mirror: spawn to first page with 100,000 files in the cache, 1 ms poll",
  document: DOCUMENT,
  run: (effort, lab) => withWorld(effort, (world) => measure(world, effort, lab)),
};

async function measure(world: World, effort: Effort, lab: Lab): Promise<FigureResult> {
  const server = mirror(world.indexUrl, workFolder("mirror-boot"));
  const ours = asks(server, "/simple/small-0/", PIP_PAGE);
  const bare: Subject = { ...nodeHttp(), headers: PIP_PAGE };
  const fileCount = await fill(ours, world, lab);
  const empty = asks(
    mirror(world.indexUrl, workFolder("mirror-boot-empty"), "pilotlight mirror, one page in the cache"),
    ours.path,
    PIP_PAGE,
  );
  const subjects = [bare, ours, empty] as const;
  const times = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  const order = inTurn(createRandom(SEED));
  // The first start of each fills caches (compiled code, pages of files): not counted.
  for (let round = 0; round <= effort.rounds * STARTS_PER_ROUND; round++) {
    const [first] = order.next().value;
    for (const subject of first === "a" ? subjects : subjects.toReversed()) {
      const running = await lab.start(subject);
      if (round > 0) times.get(subject)!.push(running.bootMs);
      await running.stop();
    }
  }
  return {
    columns: ["server", "ms"],
    rows: subjects.map((subject) => [
      subject === ours ? `pilotlight mirror, ${fileCount} files in the cache` : subject.name,
      spread(times.get(subject)!),
    ]),
    provenance: `Medians of ${effort.rounds * STARTS_PER_ROUND} starts of each, in turn; each start is a fresh process.`,
    bars: [ratioBar("first page against a bare node:http answer", times.get(ours)!, times.get(bare)!, OF_BARE_MAX)],
  };
}

/** As many files as there are small ones upstream; each answer's bytes are compared. */
async function fill(subject: Subject, { sizes }: World, lab: Lab): Promise<number> {
  const running = await lab.start(subject);
  let count = 0;
  try {
    const projects = Array.from({ length: sizes.smallCount }, (_, at) => at);
    const fillSome = async (): Promise<void> => {
      for (let project = projects.pop(); project !== undefined; project = projects.pop()) {
        for (const filename of smallFilenames(project, sizes.smallFileCount)) {
          const answer = await fetch(`http://127.0.0.1:${running.port}/simple/small-${project}/${filename}`);
          const bytes = Buffer.from(await answer.arrayBuffer());
          if (answer.status !== 200 || !bytes.equals(smallFile(filename)))
            throw new Error(`${filename} was answered ${answer.status}: ${bytes}`);
          count++;
        }
      }
    };
    await Promise.all(Array.from({ length: FILLING_AT_ONCE }, fillSome));
  } finally {
    await running.stop();
  }
  return count;
}
