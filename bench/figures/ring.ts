/**
 * The ring of process functions between two processes, beside a unix socket in
 * the same run. Both spinning is what the memory costs; doorbells are what a pair
 * costs that sleeps in between. The Aetherless page's own way of measuring (one
 * thread writes and reads, nobody is told of anything) stands beside, by that name.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { KIB, MIB } from "../../src/base/units.ts";
import { SPIN_MAX_US } from "../../src/engines/process/ring/spin-budget.ts";
import type { Bar, Effort, Figure, FigureResult } from "../support/figure.ts";
import { interleave } from "../support/interleave.ts";
import type { Lab } from "../support/lab.ts";
import type { RingJob, RingMeasured, RingWay } from "../support/ring/job.ts";
import { quantileBar, ratioBar, spread } from "../support/spread.ts";

const SIZES = [64, KIB, 4 * KIB, 16 * KIB, 64 * KIB] as const;
/** Most of a round trip is in the ends, little in the length of a run: a quarter of what a server is given is enough. */
const SHARE = 1 / 4;
const CAPACITY_BYTES = 256 * KIB;
const ONE_WAY_CAPACITY_BYTES = MIB;
const PAUSE_MS = 2;
const SIDES = { driver: fileOf("driver"), peer: fileOf("peer") };

interface Row {
  readonly name: string;
  readonly way: RingWay;
  readonly hasCrc?: boolean;
  readonly pauseMs?: number;
  /** The others are left out. */
  readonly sizes?: readonly number[];
}

const SPINNING: Row = { name: "ring, both spinning", way: "take" };
const SPINNING_CRC: Row = { name: "ring, both spinning, CRC", way: "take", hasCrc: true };
const SOCKET: Row = { name: "unix socket, one trip after another", way: "socket" };
const SOCKET_IDLE: Row = { name: "unix socket, idle between trips", way: "socket", pauseMs: PAUSE_MS, sizes: [KIB] };
const DOORBELL_IDLE: Row = { name: "ring with doorbells, idle between trips", way: "doorbell", pauseMs: PAUSE_MS, sizes: [KIB] };
const LARGE = [64 * KIB];
const ONE_WAY: Row = { name: "one way, GB/s: ring", way: "one-way", sizes: LARGE };
const ONE_WAY_CRC: Row = { name: "one way, GB/s: ring, CRC", way: "one-way", hasCrc: true, sizes: LARGE };
const ROWS: readonly Row[] = [
  { name: "no ring: as many cache lines handed over, and a word that says so", way: "bare" },
  SPINNING,
  { name: "ring, both spinning, looked at in place", way: "view" },
  { name: "ring, both spinning, in memory to keep", way: "read" },
  SPINNING_CRC,
  SOCKET,
  { name: "ring with doorbells, one trip after another", way: "doorbell" },
  DOORBELL_IDLE,
  SOCKET_IDLE,
  { name: "no trip: one thread writes and reads, CRC (the Aetherless page's way)", way: "one-thread", hasCrc: true },
  ONE_WAY,
  ONE_WAY_CRC,
];

interface Cell {
  readonly row: Row;
  readonly messageBytes: number;
}

export const ring: Figure = {
  name: "ring",
  title: "A message to another process and back, us",
  document: "docs/figures-ring.md",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const sizes: readonly number[] = effort.scale < 1 ? [KIB, 64 * KIB] : SIZES;
    const cells = ROWS.flatMap((row) => sizesOf(row, sizes).map((messageBytes): Cell => ({ row, messageBytes })));
    const measured = await interleave(cells, effort.rounds, (cell) => measure(cell, effort, lab));
    const of = (row: Row, messageBytes: number): number[] =>
      Array.from(measured, ([cell, values]) =>
        cell.row === row && cell.messageBytes === messageBytes ? values.map(measuredValue) : [],
      ).flat();
    return {
      columns: ["what", ...sizes.map((bytes) => (bytes < KIB ? `${bytes} B` : `${bytes / KIB} KiB`))],
      rows: ROWS.map((row) => [row.name, ...sizes.map((bytes) => (sizesOf(row, sizes).includes(bytes) ? spread(of(row, bytes), 2) : ""))]),
      provenance: `Medians of ${effort.rounds} rounds, interleaved in random order; each value is the median of two fresh processes, each on a core of its own.`,
      bars: barsOf(of),
      notes: [
        "the first row is the machine's: two virtual cores may lie near each other or far apart, and be moved in between",
        `a spinning pair takes two whole cores; what waits for functions are doorbells, which look for an answer for at most ${SPIN_MAX_US} us`,
        "the page's own figure for its way, 1 KiB, is 190 ns (1.2 us in its text); its code run on a machine like this one took 200 ns",
      ],
    };
  },
};

function sizesOf(row: Row, sizes: readonly number[]): readonly number[] {
  return row.sizes ?? sizes;
}

function barsOf(of: (row: Row, messageBytes: number) => number[]): Bar[] {
  const slower = (values: readonly number[]): number[] => values.map((value) => 1 / value);
  return [
    quantileBar("1 KiB and back, both spinning", of(SPINNING, KIB), 0.5, 0.7, "us"),
    quantileBar("1 KiB and back, both spinning, CRC", of(SPINNING_CRC, KIB), 0.5, 2.5, "us"),
    ratioBar("1 KiB and back, spinning, against a unix socket (a thirtieth is the bar)", of(SPINNING, KIB), of(SOCKET, KIB), 1 / 30),
    ratioBar("1 KiB and back, an idle pair with doorbells against an idle unix socket", of(DOORBELL_IDLE, KIB), of(SOCKET_IDLE, KIB), 1.3),
    quantileBar("64 KiB one way, time of a GB", slower(of(ONE_WAY, 64 * KIB)), 0.5, 1 / 4, "s"),
    quantileBar("64 KiB one way, CRC, time of a GB", slower(of(ONE_WAY_CRC, 64 * KIB)), 0.5, 1 / 1.5, "s"),
  ];
}

function measuredValue({ us, gbPerS }: RingMeasured): number {
  return Number.isNaN(us) ? gbPerS : us;
}

async function measure({ row, messageBytes }: Cell, effort: Effort, { pinning }: Lab): Promise<RingMeasured> {
  const isOneWay = row.way === "one-way";
  const peer = [process.execPath, SIDES.peer];
  const job: RingJob = {
    way: row.way,
    messageBytes,
    capacityBytes: isOneWay ? ONE_WAY_CAPACITY_BYTES : CAPACITY_BYTES,
    hasCrc: row.hasCrc ?? false,
    pauseMs: row.pauseMs ?? 0,
    warmUpMs: effort.seconds * SHARE * 1_000,
    measuredMs: effort.seconds * SHARE * 1_000,
    peerCommand: pinning.loadCore === null ? peer : ["taskset", "-c", String(pinning.loadCore), ...peer],
  };
  const [program, ...args] = pinning.serverCommand([process.execPath, SIDES.driver, JSON.stringify(job)]) as [string, ...string[]];
  const driver = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  driver.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  const [code] = (await once(driver, "close")) as [number | null];
  if (code !== 0) throw new Error(`${row.name}, ${messageBytes} bytes: the driver ended with ${code}`);
  // NaN is null in JSON.
  const { us, gbPerS } = JSON.parse(output) as { us: number | null; gbPerS: number | null };
  return { us: us ?? Number.NaN, gbPerS: gbPerS ?? Number.NaN };
}

function fileOf(name: string): string {
  return fileURLToPath(new URL(`../support/ring/${name}.ts`, import.meta.url));
}
