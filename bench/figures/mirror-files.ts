/**
 * A wheel of 10 MB that is kept: CPU per byte beside nginx's sendfile and the
 * caches we answer; and the memory of 1,000 clients that download it at once.
 */
import { MIB } from "../../src/base/units.ts";
import { type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import type { Lab, Subject } from "../support/lab.ts";
import { checked, isFile, rightAnswer } from "../support/mirror/answers.ts";
import { PIP_FILE } from "../support/mirror/clients.ts";
import { type Contender, cpuUs, DOCUMENT, hold, limitOf, peerContenders, provenance } from "../support/mirror/contest.ts";
import { flood } from "../support/mirror/flood.ts";
import { asks, type IndexServer, mirror } from "../support/mirror/index-server.ts";
import { type World, withWorld } from "../support/mirror/world.ts";
import { ratioBar, spread } from "../support/spread.ts";
import { workFolder } from "../support/subjects.ts";

const USERS = 4;
const OF_NGINX_MAX = 2;
const CLIENT_COUNT = 1_000;
const FILES_EACH = 2;
const CLIENTS_MAX_BYTES = 150e6;
const FLOODS_MAX = 3;
const MEGABYTE = 1e6;

export const mirrorFiles: Figure = {
  name: "mirror-files",
  title: "Mirror: a wheel of 10 MB, warm, 4 connections, one core; and 1,000 clients of it",
  document: DOCUMENT,
  run: (effort, lab) => withWorld(effort, (world) => measure(world, effort, lab)),
};

async function measure({ indexUrl, content: { wheel } }: World, effort: Effort, lab: Lab): Promise<FigureResult> {
  const notes: string[] = [];
  const inspect = isFile(wheel.bytes);
  const server = mirror(indexUrl, workFolder("mirror-files"));
  const subject = asks(server, server.filePath(wheel.filename), PIP_FILE);
  const answer = await rightAnswer(subject, inspect, lab);
  const limit = limitOf("pip", subject, answer, notes);
  const ours: Contender = { asked: "pip", subject: checked(subject, answer) };
  const pathOf = (one: IndexServer): string => one.filePath(wheel.filename);
  const others = await peerContenders(
    { asked: "pip", headers: PIP_FILE, inspect, bytes: wheel.bytes, pathOf },
    indexUrl,
    effort,
    lab,
    notes,
  );
  const contest = await hold([...(limit === null ? [] : [limit]), ours, ...others], effort, USERS, lab);

  const clients = scaled(CLIENT_COUNT, effort);
  const peaks = await peaksOf(ours.subject, clients, effort, lab);
  const megabytes = wheel.bytes.length / MEGABYTE;
  const rows = Array.from(
    contest.samples,
    ([
      {
        subject: { name },
      },
      samples,
    ]) => [
      name,
      spread(
        samples.map(({ cpuUsPerRequest }) => cpuUsPerRequest / 1_000 / megabytes),
        3,
      ),
      spread(
        samples.map(({ requestsPerSecond }) => requestsPerSecond * megabytes),
        0,
      ),
      spread(
        samples.map(({ ownPssBytes }) => ownPssBytes / MIB),
        0,
      ),
    ],
  );
  return {
    columns: ["server", "CPU ms/MB", "MB/s", "own memory MiB (PSS)"],
    rows,
    provenance: provenance(effort),
    bars: [
      ...(limit === null ? [] : [ratioBar("CPU per byte against nginx", cpuUs(contest, ours), cpuUs(contest, limit), OF_NGINX_MAX)]),
      {
        what: `greatest memory while ${clients} clients download (PSS, files' pages among it)`,
        value: Math.max(...peaks) / MIB,
        most: CLIENTS_MAX_BYTES / MIB,
        unit: "MiB",
      },
    ],
    notes: [
      `${clients} clients: ${peaks.length} fresh processes, each looked at ten times a second; every client took ${FILES_EACH} files, all right`,
      ...notes,
    ],
  };
}

async function peaksOf(subject: Subject, clients: number, effort: Effort, lab: Lab): Promise<number[]> {
  const peaks: number[] = [];
  for (let round = 0; round < Math.min(FLOODS_MAX, effort.rounds); round++) {
    const server = await lab.start(subject);
    try {
      peaks.push((await flood(server, subject, clients, FILES_EACH)).peakBytes);
    } finally {
      await server.stop();
    }
  }
  return peaks;
}
