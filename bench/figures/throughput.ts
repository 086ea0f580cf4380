/**
 * CPU time per request of a sandboxed function beside a bare node:http server,
 * workerd, an async handler and two workers. Interleaved over fresh processes;
 * server tree on one core, load on the other.
 */
import { MIB } from "../../src/base/units.ts";
import { median } from "../../src/stats/quantile.ts";
import type { Bar, Effort, Figure, FigureResult } from "../support/figure.ts";
import { measureAll, roundsText } from "../support/interleave.ts";
import type { Lab, Subject } from "../support/lab.ts";
import { ratioBar, spread } from "../support/spread.ts";
import { built, healthFolder, nodeHttp, nodeHttpPair, pilotlight, workerd } from "../support/subjects.ts";

export const throughput: Figure = {
  name: "throughput",
  title: "GET /api/health, JSON, 50 connections, 5 request headers, one core",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const sync = built(healthFolder("sync"));
    const async_ = built(healthFolder("async"));
    const bare = nodeHttp();
    const barePair = nodeHttpPair();
    const syncOne = pilotlight({ folder: sync, name: "pilotlight, sync handler" });
    const asyncOne = pilotlight({ folder: async_, name: "pilotlight, async handler" });
    const asyncTwo = pilotlight({ folder: async_, name: "pilotlight, async, two workers", workerCount: 2 });
    const peer = effort.scale < 1 ? { unavailable: "no peer in a run this small" } : workerd();
    const subjects: Subject[] = [bare, barePair, syncOne, asyncOne, asyncTwo, ...("unavailable" in peer ? [] : [peer])];
    const samples = await measureAll(subjects, effort, lab);
    const us = (subject: Subject): number[] => samples.get(subject)!.map(({ cpuUsPerRequest }) => cpuUsPerRequest);
    const bars: Bar[] = [
      ratioBar("sandboxed async handler against bare node:http", us(asyncOne), us(bare), 1.35),
      ratioBar("async handler against the sync one", us(asyncOne), us(syncOne), 1.1),
      ratioBar("two workers against one, per request", us(asyncTwo), us(asyncOne), 1.1),
    ];
    if (!("unavailable" in peer)) bars.push(ratioBar("pilotlight against workerd (a third is the bar)", us(asyncOne), us(peer), 1 / 3));
    return {
      columns: ["server", "CPU us/request", "requests/s", "own memory MiB (PSS)", "pages of files MiB (PSS)"],
      rows: subjects.map((subject) => {
        const measured = samples.get(subject)!;
        return [
          subject.name,
          spread(us(subject)),
          spread(
            measured.map((sample) => sample.requestsPerSecond),
            0,
          ),
          spread(
            measured.map((sample) => sample.ownPssBytes / MIB),
            0,
          ),
          spread(
            measured.map((sample) => sample.filePssBytes / MIB),
            0,
          ),
        ];
      }),
      provenance: roundsText(effort),
      bars,
      notes: [
        `two bare node:http processes against one, per request, on the same core: ${(median(us(barePair)) / median(us(bare))).toFixed(2)} x`,
        ...("unavailable" in peer ? [peer.unavailable] : []),
      ],
    };
  },
};
