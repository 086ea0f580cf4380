/**
 * 50 clients want one file of 100 MB that nobody has yet, from an upstream that
 * sends 40 MB/s: one upstream request, bytes before upstream has ended, every
 * hash right. In a fresh process with an empty cache each time.
 */
import { MIB } from "../../src/base/units.ts";
import { median } from "../../src/stats/quantile.ts";
import { type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import { interleave } from "../support/interleave.ts";
import type { Lab } from "../support/lab.ts";
import { PIP_PAGE } from "../support/mirror/clients.ts";
import { downloadAll } from "../support/mirror/cold-clients.ts";
import { DOCUMENT } from "../support/mirror/contest.ts";
import { asks, type IndexServer, mirror } from "../support/mirror/index-server.ts";
import { peakWhile } from "../support/mirror/peak-memory.ts";
import { peers } from "../support/mirror/peers.ts";
import { type World, withWorld } from "../support/mirror/world.ts";
import { spread } from "../support/spread.ts";
import { workFolder } from "../support/subjects.ts";

const CLIENT_COUNT = 50;
const CLIENTS_MIN = 3;
const PACE_BYTES_PER_SECOND = 40e6;
const ROUNDS_MAX = 3;
const MEGABYTE = 1e6;

export const mirrorFanout: Figure = {
  name: "mirror-fanout",
  title: "Mirror: 50 clients of one file of 100 MB that nobody has yet, upstream at 40 MB/s",
  document: DOCUMENT,
  run: (effort, lab) => withWorld(effort, (world) => measure(world, effort, lab)),
};

interface Entrant {
  readonly name: string;
  /** A new one for each round, with nothing kept. */
  open(round: number): IndexServer;
}

interface Fanout {
  readonly rightCount: number;
  readonly upstreamGets: number;
  /** Of the client that waited longest for its first byte, as a share of the time that upstream took. */
  readonly firstByteShare: number;
  readonly firstByteMs: number;
  readonly totalMs: number;
  readonly cpuMsPerMb: number;
  readonly peakBytes: number;
}

async function measure(world: World, effort: Effort, lab: Lab): Promise<FigureResult> {
  const clients = Math.max(CLIENTS_MIN, scaled(CLIENT_COUNT, effort));
  const rounds = Math.min(ROUNDS_MAX, effort.rounds);
  const ours: Entrant = { name: "pilotlight mirror", open: (round) => mirror(world.indexUrl, workFolder(`mirror-fanout-${round}`)) };
  const notes: string[] = [];
  const entrants = [ours];
  for (const [at, peer] of peers(effort, world.indexUrl, "fanout").entries()) {
    if ("unavailable" in peer) notes.push(peer.unavailable);
    else entrants.push({ name: peer.name, open: (round) => peers(effort, world.indexUrl, `fanout-${round}`)[at] as IndexServer });
  }
  let count = 0;
  await world.paceFiles(scaled(PACE_BYTES_PER_SECOND, effort));
  const measured = await interleave(entrants, rounds, ({ open }) => fanOut(open(count++), clients, world, lab));
  const own = measured.get(ours)!;
  return {
    columns: [
      "server",
      `right of ${clients}`,
      "upstream GETs",
      "last first byte ms",
      "all done s",
      "CPU ms/MB sent",
      "greatest memory MiB (PSS)",
    ],
    rows: Array.from(measured, ([{ name }, runs]) => {
      const each = (of: (run: Fanout) => number, digits: number): string => spread(runs.map(of), digits);
      return [
        name,
        each(({ rightCount }) => rightCount, 0),
        each(({ upstreamGets }) => upstreamGets, 0),
        each(({ firstByteMs }) => firstByteMs, 0),
        each(({ totalMs }) => totalMs / 1_000, 1),
        each(({ cpuMsPerMb }) => cpuMsPerMb, 2),
        each(({ peakBytes }) => peakBytes / MIB, 0),
      ];
    }),
    provenance: `${rounds} fresh processes of each, interleaved, each with an empty cache. Every byte is hashed; redirects are followed.`,
    bars: [
      { what: "upstream requests", value: Math.max(...own.map(({ upstreamGets }) => upstreamGets)), most: 1, unit: "" },
      { what: "wrong or broken downloads", value: clients * own.length - sum(own.map(({ rightCount }) => rightCount)), most: 0, unit: "" },
      {
        what: "last first byte, of the time upstream took",
        value: median(own.map(({ firstByteShare }) => firstByteShare * 100)),
        most: 100,
        unit: "%",
      },
    ],
    notes,
  };
}

async function fanOut(server: IndexServer, clients: number, world: World, lab: Lab): Promise<Fanout> {
  const { large } = world.content;
  const upstreamPath = `/files/${large.filename}`;
  const before = await world.counts(upstreamPath);
  const running = await lab.start(asks(server, server.pagePath, PIP_PAGE));
  try {
    const beforeUs = running.cpuUs();
    const startMs = performance.timeOrigin + performance.now();
    const url = `http://127.0.0.1:${running.port}${server.filePath(large.filename)}`;
    const { value: downloads, peakBytes } = await peakWhile(running, downloadAll(clients, url, large.sha256));
    const cpuUs = running.cpuUs() - beforeUs;
    const after = await world.counts(upstreamPath);
    const lastFirstByteMs = Math.max(...downloads.map(({ firstByteAtMs }) => firstByteAtMs)) - startMs;
    return {
      rightCount: downloads.filter(({ isRight }) => isRight).length,
      upstreamGets: after.gets - before.gets,
      firstByteShare: lastFirstByteMs / (after.endedAtMs - startMs),
      firstByteMs: lastFirstByteMs,
      totalMs: Math.max(...downloads.map(({ endedAtMs }) => endedAtMs)) - startMs,
      cpuMsPerMb: cpuUs / 1_000 / ((clients * large.bytes.length) / MEGABYTE),
      peakBytes,
    };
  } finally {
    await running.stop();
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
