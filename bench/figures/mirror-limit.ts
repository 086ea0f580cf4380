/**
 * All of it under a memory limit of 512 MB that the kernel keeps: the list of
 * 600,000 projects, pages, 50 clients of a file that nobody has, 1,000 clients of
 * one that is kept, and a refresh of the list, one after the other in one process
 * that began with nothing. Every answer has to be right, and the process alive.
 */
import { MIB } from "../../src/base/units.ts";
import { type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import type { Lab, RunningServer } from "../support/lab.ts";
import { memoryLimit } from "../support/memory-limit.ts";
import { type Inspect, inspected, isFile, isList, isProjectPage } from "../support/mirror/answers.ts";
import { PIP_FILE, PIP_PAGE } from "../support/mirror/clients.ts";
import { downloadAll } from "../support/mirror/cold-clients.ts";
import { DOCUMENT } from "../support/mirror/contest.ts";
import { flood } from "../support/mirror/flood.ts";
import { asks, type IndexServer, mirror } from "../support/mirror/index-server.ts";
import { peakWhile } from "../support/mirror/peak-memory.ts";
import { type World, withWorld } from "../support/mirror/world.ts";
import { workFolder } from "../support/subjects.ts";

const LIMIT_BYTES = 512 * MIB;
const COLD_CLIENTS = 50;
const COLD_CLIENTS_MIN = 3;
const WARM_CLIENTS = 1_000;
const PAGE_CLIENTS = 10;
const PAGES_EACH = 500;
const LISTS_EACH = 5;

export const mirrorLimit: Figure = {
  name: "mirror-limit",
  title: "Mirror: everything after another within 512 MB",
  document: DOCUMENT,
  run: (effort, lab) => withWorld(effort, (world) => measure(world, effort, lab)),
};

async function measure(world: World, effort: Effort, lab: Lab): Promise<FigureResult> {
  const server = mirror(world.indexUrl, workFolder("mirror-limit"));
  const limit = memoryLimit(LIMIT_BYTES);
  const subject = asks(server, "/health", PIP_PAGE);
  const isLimited = !("unavailable" in limit);
  const inside = isLimited ? (port: number) => limit.inside(subject.command(port)) : subject.command;
  const running = await lab.start({ ...subject, command: inside });
  const rows: string[][] = [];
  let greatestBytes = 0;
  try {
    for (const [name, step] of stepsOf(server, world, effort)) {
      const { peakBytes } = await peakWhile(running, step(running));
      greatestBytes = Math.max(greatestBytes, peakBytes);
      rows.push([name, (peakBytes / MIB).toFixed(0), (running.memoryBytes() / MIB).toFixed(0)]);
    }
    const killed = { what: "processes that the kernel ended", value: isLimited ? limit.killCount() : 0, most: 0, unit: "" };
    return {
      columns: ["what", "greatest memory MiB (PSS of all processes)", "after it"],
      rows,
      provenance: `One process, measured once; ${isLimited ? "the limit is a control group's" : "not limited"}. Every answer's bytes are compared or hashed.`,
      bars: [{ what: "greatest memory", value: greatestBytes / MIB, most: LIMIT_BYTES / MIB, unit: "MiB" }, ...(isLimited ? [killed] : [])],
      notes: isLimited
        ? [`the control group's own peak, pages of files and sockets among it: ${(limit.peakBytes() / MIB).toFixed(0)} MiB`]
        : [`${limit.unavailable}: the greatest memory, looked at twenty times a second, stands for it`],
    };
  } finally {
    await running.stop();
    if (isLimited) limit.close();
  }
}

type Step = readonly [name: string, run: (running: RunningServer) => Promise<void>];

function stepsOf(server: IndexServer, world: World, effort: Effort): readonly Step[] {
  const { content, sizes } = world;
  const wheelPath = server.filePath(content.wheel.filename);
  const warmClients = scaled(WARM_CLIENTS, effort);
  const coldClients = Math.max(COLD_CLIENTS_MIN, scaled(COLD_CLIENTS, effort));
  /** First one client alone, then many, who are to get the same bytes. */
  const oneThenMany = async (running: RunningServer, path: string, inspect: Inspect, clients: number, each: number, headers = PIP_PAGE) => {
    const bytes = inspected(await running.get(path), path, inspect);
    await flood(running, asks(server, path, headers, bytes), clients, each);
  };
  return [
    [
      `the list of ${sizes.nameCount} projects, then ${PAGE_CLIENTS} clients of it`,
      (running) => oneThenMany(running, server.listPath, isList(sizes.nameCount), PAGE_CLIENTS, LISTS_EACH),
    ],
    [
      `the page of ${sizes.fileCount} files, then ${PAGE_CLIENTS} clients of it`,
      (running) => oneThenMany(running, server.pagePath, isProjectPage(content), PAGE_CLIENTS, scaled(PAGES_EACH, effort)),
    ],
    [
      `${coldClients} clients of a file nobody has`,
      async (running) => {
        const { filename, sha256 } = content.large;
        const downloads = await downloadAll(coldClients, `http://127.0.0.1:${running.port}${server.filePath(filename)}`, sha256);
        const wrong = downloads.filter(({ isRight }) => !isRight).length;
        if (wrong > 0) throw new Error(`${wrong} of ${coldClients} downloads were wrong`);
      },
    ],
    [
      `${warmClients} clients of a file that is kept`,
      (running) => oneThenMany(running, wheelPath, isFile(content.wheel.bytes), warmClients, 1, PIP_FILE),
    ],
    [
      "the list is refreshed",
      async (running) => {
        await world.growList();
        await fetch(`http://127.0.0.1:${running.port}/cache/list`, { method: "DELETE" });
        inspected(await running.get(server.listPath), server.listPath, isList(sizes.nameCount + 1));
      },
    ],
  ];
}
