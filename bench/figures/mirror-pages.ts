/**
 * The page of a project with 3,000 files, warm: what pip and uv are sent, beside
 * nginx with the same bytes and the two caches we answer; and the answer that
 * nothing has changed, beside the least that node:http can say.
 */
import type { Effort, Figure, FigureResult } from "../support/figure.ts";
import type { Lab } from "../support/lab.ts";
import { checked, isProjectPage, rightAnswer } from "../support/mirror/answers.ts";
import { PIP_PAGE, UV_PAGE } from "../support/mirror/clients.ts";
import {
  type Contender,
  cpuUs,
  DOCUMENT,
  hold,
  limitOf,
  peerBars,
  peerContenders,
  provenance,
  tableOf,
} from "../support/mirror/contest.ts";
import { asks, mirror } from "../support/mirror/index-server.ts";
import { type World, withWorld } from "../support/mirror/world.ts";
import { ratioBar } from "../support/spread.ts";
import { nodeHttp, workFolder } from "../support/subjects.ts";

const USERS = 10;
const OF_NGINX_MAX = 3;
const OF_BARE_MAX = 1.3;

export const mirrorPages: Figure = {
  name: "mirror-pages",
  title: "Mirror: the page of a project with 3,000 files, warm, 10 connections, one core",
  document: DOCUMENT,
  run: (effort, lab) => withWorld(effort, (world) => measure(world, effort, lab)),
};

async function measure({ indexUrl, content }: World, effort: Effort, lab: Lab): Promise<FigureResult> {
  const notes: string[] = [];
  const inspect = isProjectPage(content);
  const server = mirror(indexUrl, workFolder("mirror-pages"));
  const pip = asks(server, server.pagePath, PIP_PAGE);
  const uv = asks(server, server.pagePath, UV_PAGE);
  const pipAnswer = await rightAnswer(pip, inspect, lab);
  const unchangedHeaders = [...PIP_PAGE, `If-None-Match: ${pipAnswer.etag}`];

  const limit = limitOf("pip", pip, pipAnswer, notes);
  const ours: Contender = { asked: "pip", subject: checked(pip, pipAnswer) };
  const oursForUv: Contender = { asked: "uv", subject: checked(uv, await rightAnswer(uv, inspect, lab)) };
  const others = await peerContenders(
    { asked: "pip", headers: PIP_PAGE, inspect, pathOf: ({ pagePath }) => pagePath },
    indexUrl,
    effort,
    lab,
    notes,
  );
  const unchanged: Contender = { asked: "pip, unchanged (304)", subject: { ...pip, headers: unchangedHeaders, status: 304 } };
  const bare: Contender = { asked: "the same headers", subject: { ...nodeHttp(), headers: unchangedHeaders } };

  const contest = await hold([...(limit === null ? [] : [limit]), ours, oursForUv, ...others, unchanged, bare], effort, USERS, lab);
  return {
    ...tableOf(contest),
    provenance: provenance(effort),
    bars: [
      ...(limit === null ? [] : [ratioBar("page for pip against nginx", cpuUs(contest, ours), cpuUs(contest, limit), OF_NGINX_MAX)]),
      ...peerBars("page for pip", contest, ours, others),
      ratioBar("a 304 against a bare node:http answer", cpuUs(contest, unchanged), cpuUs(contest, bare), OF_BARE_MAX),
    ],
    notes,
  };
}
