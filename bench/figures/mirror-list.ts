/**
 * The list of 600,000 projects, warm, one client after the other: from one
 * prepared buffer, beside nginx with the same bytes and the caches we answer.
 */
import type { Effort, Figure, FigureResult } from "../support/figure.ts";
import type { Lab } from "../support/lab.ts";
import { checked, isList, rightAnswer } from "../support/mirror/answers.ts";
import { PIP_PAGE } from "../support/mirror/clients.ts";
import { type Contender, cpuUs, DOCUMENT, hold, limitOf, peerContenders, provenance, tableOf } from "../support/mirror/contest.ts";
import { asks, mirror } from "../support/mirror/index-server.ts";
import { type World, withWorld } from "../support/mirror/world.ts";
import { ratioBar } from "../support/spread.ts";
import { workFolder } from "../support/subjects.ts";

const USERS = 1;
const OF_NGINX_MAX = 2;

export const mirrorList: Figure = {
  name: "mirror-list",
  title: "Mirror: the list of 600,000 projects, warm, one client, one core",
  document: DOCUMENT,
  run: (effort, lab) => withWorld(effort, (world) => measure(world, effort, lab)),
};

async function measure({ indexUrl, sizes }: World, effort: Effort, lab: Lab): Promise<FigureResult> {
  const notes: string[] = [];
  const inspect = isList(sizes.nameCount);
  const server = mirror(indexUrl, workFolder("mirror-list"));
  const pip = asks(server, server.listPath, PIP_PAGE);
  const answer = await rightAnswer(pip, inspect, lab);
  const limit = limitOf("pip", pip, answer, notes);
  const ours: Contender = { asked: "pip", subject: checked(pip, answer) };
  const request = { asked: "pip", headers: PIP_PAGE, inspect, pathOf: ({ listPath }: { listPath: string }) => listPath };
  const others = await peerContenders(request, indexUrl, effort, lab, notes);
  const contest = await hold([...(limit === null ? [] : [limit]), ours, ...others], effort, USERS, lab);
  return {
    ...tableOf(contest),
    provenance: provenance(effort),
    bars: limit === null ? [] : [ratioBar("list against nginx", cpuUs(contest, ours), cpuUs(contest, limit), OF_NGINX_MAX)],
    notes,
  };
}
