/**
 * CPU time per request of a sandboxed function beside a bare node:http server,
 * workerd, an async handler and two workers. Interleaved over fresh processes;
 * server tree on one core, load on the other.
 */

import type { Bar, Effort, Figure, FigureResult } from "../support/figure.ts";
import { load } from "../support/load.ts";
import { cpuUs, memoryBytes } from "../support/process-tree.ts";
import { median, spread } from "../support/samples.ts";
import { type RunningServer, type Subject, startSubject } from "../support/server-process.ts";
import { built, healthFolder, nodeHttp, nodeHttpPair, pilotlight, workerd } from "../support/subjects.ts";

const CONNECTION_COUNT = 50;
const WARM_UP_SLICE_SECONDS = 1;
const WARM_UP_MIN_SLICES = 3;
const WARM_UP_MAX_SLICES = 6;
/** Warm once a slice is no longer this much cheaper than the cheapest before it. */
const STILL_FALLING_RATIO = 0.97;
const MIB = 1024 * 1024;

interface Samples {
  readonly us: number[];
  readonly perSecond: number[];
  readonly memoryMib: number[];
}

export const throughput: Figure = {
  name: "throughput",
  title: "GET /api/health, JSON, 50 connections, 5 request headers, one core",
  async run({ rounds, seconds }: Effort): Promise<FigureResult> {
    const sync = built(healthFolder("sync"));
    const async_ = built(healthFolder("async"));
    const bare = nodeHttp();
    const barePair = nodeHttpPair();
    const syncOne = pilotlight({ folder: sync, name: "pilotlight, sync handler" });
    const asyncOne = pilotlight({ folder: async_, name: "pilotlight, async handler" });
    const asyncTwo = pilotlight({ folder: async_, name: "pilotlight, async, two workers", workerCount: 2 });
    const peer = workerd();
    const subjects: Subject[] = [bare, barePair, syncOne, asyncOne, asyncTwo, ...("unavailable" in peer ? [] : [peer])];
    const samples = new Map(subjects.map((subject) => [subject.name, { us: [], perSecond: [], memoryMib: [] } as Samples]));
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) await measure(subject, seconds, samples.get(subject.name) as Samples);
    }
    const us = (subject: Subject): number => median((samples.get(subject.name) as Samples).us);
    const bars: Bar[] = [
      { what: "sandboxed async handler against bare node:http", value: us(asyncOne) / us(bare), most: 1.35, unit: "x" },
      { what: "async handler against the sync one", value: us(asyncOne) / us(syncOne), most: 1.1, unit: "x" },
      { what: "two workers against one, per request", value: us(asyncTwo) / us(asyncOne), most: 1.1, unit: "x" },
    ];
    if (!("unavailable" in peer))
      bars.push({ what: "pilotlight against workerd (a third is the bar)", value: us(asyncOne) / us(peer), most: 1 / 3, unit: "x" });
    return {
      columns: ["server", "CPU us/request", "requests/s", "memory MiB (PSS)"],
      rows: subjects.map(({ name }) => {
        const { us: cpu, perSecond, memoryMib } = samples.get(name) as Samples;
        return [name, spread(cpu), spread(perSecond, 0), spread(memoryMib, 0)];
      }),
      bars,
      notes: [
        `two bare node:http processes against one, per request, on the same core: ${(us(barePair) / us(bare)).toFixed(2)} x`,
        ...("unavailable" in peer ? [peer.unavailable] : []),
      ],
    };
  },
};

async function measure(subject: Subject, seconds: number, samples: Samples): Promise<void> {
  const server = await startSubject(subject);
  try {
    await warmUp(server, subject);
    const { usPerRequest, requests } = await slice(server, subject, seconds);
    samples.us.push(usPerRequest);
    samples.perSecond.push(requests / seconds);
    samples.memoryMib.push(memoryBytes(server.pid) / MIB);
  } finally {
    await server.stop();
  }
}

/**
 * Until V8 has compiled what is hot, in every process: a second worker shares
 * the requests with the first and so needs twice as many. A fixed time would
 * count its compiling as the price of a request (22 us in the first second, 15
 * in the fifth).
 */
async function warmUp(server: RunningServer, subject: Subject): Promise<void> {
  let cheapestUs = Number.POSITIVE_INFINITY;
  for (let count = 1; count <= WARM_UP_MAX_SLICES; count++) {
    const { usPerRequest } = await slice(server, subject, WARM_UP_SLICE_SECONDS);
    if (count > WARM_UP_MIN_SLICES && usPerRequest > cheapestUs * STILL_FALLING_RATIO) return;
    cheapestUs = Math.min(cheapestUs, usPerRequest);
  }
}

async function slice(
  { port, pid }: RunningServer,
  { name, path }: Subject,
  seconds: number,
): Promise<{ readonly usPerRequest: number; readonly requests: number }> {
  const cpuBeforeUs = cpuUs(pid);
  const { requests, errors } = await load(port, path, CONNECTION_COUNT, seconds);
  if (errors > 0 || requests === 0) throw new Error(`${name}: ${errors} of ${requests} answers were wrong; a failed answer is no fast one`);
  return { usPerRequest: (cpuUs(pid) - cpuBeforeUs) / requests, requests };
}
