/**
 * The list of 600,000 projects is refreshed while other clients are served: how
 * much more memory that takes, and the longest that anybody waited for /health,
 * asked every millisecond, beside the same without a refresh. Server, its threads
 * included, on one core.
 */
import { MIB } from "../../src/base/units.ts";
import { runLoad } from "../../src/lab/load/run-load.ts";
import { median } from "../../src/stats/quantile.ts";
import type { Effort, Figure, FigureResult } from "../support/figure.ts";
import { type Lab, planFor, type RunningServer } from "../support/lab.ts";
import { isList, rightAnswer } from "../support/mirror/answers.ts";
import { PIP_PAGE } from "../support/mirror/clients.ts";
import { DOCUMENT } from "../support/mirror/contest.ts";
import { asks, mirror } from "../support/mirror/index-server.ts";
import { peakWhile } from "../support/mirror/peak-memory.ts";
import { type World, withWorld } from "../support/mirror/world.ts";
import { spread } from "../support/spread.ts";
import { workFolder } from "../support/subjects.ts";

const MORE_MAX_BYTES = 300e6;
const BLOCKED_MAX_MS = 20;
const ASKED_PER_SECOND = 1_000;
/** What is asked while a connection waits goes out on another: nobody's wait hides the next one's. */
const CONNECTIONS = 40;
const US_PER_MS = 1_000;
/** Longer than a refresh takes. */
const WATCHED_S = 8;
const SETTLE_MS = 1_000;

export const mirrorRefresh: Figure = {
  name: "mirror-refresh",
  title: "Mirror: /health, asked every millisecond while the list of 600,000 projects is refreshed, one core",
  document: DOCUMENT,
  run: (effort, lab) => withWorld(effort, (world) => measure(world, effort, lab)),
};

interface Waits {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** The generator's own. */
  readonly latenessMaxMs: number;
}

async function measure(world: World, effort: Effort, lab: Lab): Promise<FigureResult> {
  const server = mirror(world.indexUrl, workFolder("mirror-refresh"));
  const list = asks(server, server.listPath, PIP_PAGE);
  await rightAnswer(list, isList(world.sizes.nameCount), lab);
  const calm: Waits[] = [];
  const busy: Waits[] = [];
  const memories: { readonly beforeBytes: number; readonly peakBytes: number }[] = [];
  const refreshMs: number[] = [];
  const seconds = effort.scale < 1 ? effort.seconds : WATCHED_S;
  for (let round = 0; round < effort.rounds; round++) {
    const running = await lab.start(list);
    try {
      await settle();
      const beforeBytes = running.memoryBytes();
      // Apart from the one whose waits are watched: looking at memory takes the core of those who ask.
      await world.growList();
      memories.push({ beforeBytes, peakBytes: (await peakWhile(running, refresh(running, server.listPath))).peakBytes });
      await settle();
      calm.push(await waits(running, seconds));
      await world.growList();
      const watching = waits(running, seconds);
      await settle();
      refreshMs.push(await refresh(running, server.listPath));
      busy.push(await watching);
    } finally {
      await running.stop();
    }
  }
  const row = (name: string, all: readonly Waits[]): string[] => [
    name,
    ...[(one: Waits) => one.p50Ms, (one: Waits) => one.p99Ms, (one: Waits) => one.maxMs, (one: Waits) => one.latenessMaxMs].map((of) =>
      spread(all.map(of), 2),
    ),
  ];
  return {
    columns: ["/health, asked every ms", "p50 ms", "p99 ms", "longest ms", "generator's own lateness, greatest ms"],
    rows: [row("while nothing else happens", calm), row("while the list is refreshed", busy)],
    provenance: `${effort.rounds} fresh processes, each watched for ${seconds} s without and with a refresh. Every answer's status is checked.`,
    bars: [
      {
        what: "longest answer during a refresh, median of the processes",
        value: median(busy.map(({ maxMs }) => maxMs)),
        most: BLOCKED_MAX_MS,
        unit: "ms",
      },
      {
        what: "a refresh's further memory, greatest (PSS of all processes)",
        value: Math.max(...memories.map((one) => one.peakBytes - one.beforeBytes)) / MIB,
        most: MORE_MAX_BYTES / MIB,
        unit: "MiB",
      },
    ],
    notes: [
      `memory before a refresh ${spread(
        memories.map(({ beforeBytes }) => beforeBytes / MIB),
        0,
      )}, at its greatest within ${spread(
        memories.map(({ peakBytes }) => peakBytes / MIB),
        0,
      )} MiB`,
      `a refresh took ${spread(
        refreshMs.map((ms) => ms / 1_000),
        2,
      )} s, from the request that asked for it to its answer`,
    ],
  };
}

/** Upstream has changed and what is known of it is dropped: the next to ask waits for all of it. */
async function refresh(running: RunningServer, path: string): Promise<number> {
  const url = `http://127.0.0.1:${running.port}`;
  const forgotten = await fetch(`${url}/cache/list`, { method: "DELETE" });
  if (forgotten.status !== 200) throw new Error(`DELETE /cache/list was answered ${forgotten.status}`);
  const startMs = performance.now();
  // HEAD: the same work, and none of it here, where it would delay those who ask.
  const headers = Object.fromEntries(PIP_PAGE.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]));
  const { status } = await fetch(`${url}${path}`, { method: "HEAD", headers });
  if (status !== 200) throw new Error(`HEAD ${path} was answered ${status}`);
  return performance.now() - startMs;
}

async function waits(running: RunningServer, seconds: number): Promise<Waits> {
  const plan = planFor({ path: "/health" }, CONNECTIONS);
  const ran = await runLoad({
    ...plan,
    target: { ...plan.target, port: running.port },
    arrivals: { kind: "constant", perSecond: ASKED_PER_SECOND },
    durationMs: seconds * 1_000,
  });
  if (!ran.ok) throw new Error(ran.failure.message);
  const { latency, audit, failedCount, errorExamples } = ran.value;
  if (failedCount > 0) throw new Error(`/health failed ${failedCount} times: ${Object.values(errorExamples)[0]}`);
  return {
    p50Ms: latency.medianUs / US_PER_MS,
    p99Ms: latency.p99Us / US_PER_MS,
    maxMs: latency.maxUs / US_PER_MS,
    latenessMaxMs: audit.lateness.maxUs / US_PER_MS,
  };
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}
