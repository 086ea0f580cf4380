/**
 * Many WebAssembly functions, each a module of its own: first calls of modules
 * that were built and prepared before, what uncalled ones cost, and what a warm
 * one adds to its worker.
 */
import { MIB } from "../../src/base/units.ts";
import { quantile } from "../../src/stats/quantile.ts";
import { type Bar, type Effort, type Figure, type FigureResult, scaled } from "../support/figure.ts";
import type { Lab, RunningServer } from "../support/lab.ts";
import { ORDER } from "../support/order-servers.ts";
import { quantileBar, spread } from "../support/spread.ts";
import { pilotlight, prepared } from "../support/subjects.ts";
import { manyOrders, type OrderGuest, orderGuests, sizeOf } from "../support/wasm-guests.ts";

/** How many of each are called. Every one is prepared first, one after another: a second or two each, Go five. */
const COLD = [
  { language: "c", count: 40, mostMs: 2 },
  { language: "rust", count: 15, mostMs: 2 },
  { language: "go", count: 10, mostMs: 25 },
] as const;
const DEPLOYED_COUNT = 2_000;
const WARM_COUNT = 20;
/** More than the twenty after which a function runs on the event loop. */
const WARM_CALLS = 30;
const PAUSE_MS = 5;
const SETTLE_MS = 1_500;

export const wasmMany: Figure = {
  name: "wasm-many",
  title: "Many WebAssembly functions in one worker",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const rows: string[][] = [];
    const bars: Bar[] = [];
    const guests = await orderGuests(effort.scale < 1 ? ["c"] : COLD.map(({ language }) => language));
    for (const guest of guests) {
      const { count, mostMs } = COLD.find(({ language }) => language === guest.language)!;
      const { first, second, startMode } = await callInTurn(guest, 1 + scaled(count, effort), lab);
      const what = `first call, ${guest.label} (${sizeOf(guest)}), by ${startMode}`;
      rows.push(
        [what, `${spread(first, 2)} ms, p95 ${p95(first)} ms`],
        ["second call of the same", `${spread(second, 2)} ms, p95 ${p95(second)} ms`],
      );
      bars.push(quantileBar(`${what}, p95`, first, 0.95, mostMs, "ms"));
    }
    const c = guests.find(({ language }) => language === "c");
    const provenance =
      "Calls: medians of functions called one after the other in one process for each language. Memory: of single processes, measured once; nothing is known of its spread.";
    if (c === undefined) return { columns: ["what", "value"], rows, provenance, bars };
    const deployedCount = scaled(DEPLOYED_COUNT, effort);
    const deployedMib = (await deployedBytes(c, deployedCount, lab)) / MIB;
    const warmMib = (await warmBytes(c, scaled(WARM_COUNT, effort), lab)) / MIB;
    return {
      columns: ["what", "value"],
      rows: [
        ...rows,
        [`${deployedCount} C functions deployed, uncalled, add`, `${deployedMib.toFixed(1)} MiB (PSS of all processes)`],
        ["each warm C function adds", `${warmMib.toFixed(2)} MiB`],
      ],
      provenance,
      bars: [
        ...bars,
        { what: `${deployedCount} uncalled C functions`, value: deployedMib, most: 64, unit: "MiB" },
        { what: "a warm C function", value: warmMib, most: 2.5, unit: "MiB" },
      ],
    };
  },
};

async function callInTurn(guest: OrderGuest, count: number, lab: Lab): Promise<{ first: number[]; second: number[]; startMode: string }> {
  const folder = manyOrders(guest, count);
  const { subject, startMode } = prepared({ ...ORDER, folder, name: `pilotlight, cold ${guest.label}`, path: "/f0" });
  const server = await lab.start(subject);
  const [first, second]: [number[], number[]] = [[], []];
  try {
    for (let at = 1; at < count; at++) {
      for (const samples of [first, second]) samples.push(await timedCall(server, at));
      await pause(PAUSE_MS);
    }
  } finally {
    await server.stop();
  }
  return { first, second, startMode };
}

/** More than one function alone. */
async function deployedBytes(guest: OrderGuest, count: number, lab: Lab): Promise<number> {
  const idleBytes = async (functionCount: number): Promise<number> => {
    const folder = manyOrders(guest, functionCount);
    const server = await lab.start(pilotlight({ folder, name: `pilotlight, ${functionCount} modules`, path: "/_ready", expect: "ok" }));
    try {
      await pause(SETTLE_MS);
      return server.memoryBytes();
    } finally {
      await server.stop();
    }
  };
  const aloneBytes = await idleBytes(1);
  return (await idleBytes(count)) - aloneBytes;
}

async function warmBytes(guest: OrderGuest, count: number, lab: Lab): Promise<number> {
  const folder = manyOrders(guest, count + 1);
  const { subject } = prepared({ ...ORDER, folder, name: "pilotlight, warm modules", path: "/f0" });
  const server = await lab.start(subject);
  try {
    const warmUp = async (at: number): Promise<void> => {
      for (let call = 0; call < WARM_CALLS; call++) await timedCall(server, at);
    };
    await warmUp(0);
    await pause(SETTLE_MS);
    const beforeBytes = server.memoryBytes();
    for (let at = 1; at <= count; at++) await warmUp(at);
    await pause(SETTLE_MS);
    return (server.memoryBytes() - beforeBytes) / count;
  } finally {
    await server.stop();
  }
}

/** In milliseconds; throws when the answer is not the right one. */
async function timedCall(server: RunningServer, at: number): Promise<number> {
  const startMs = performance.now();
  const { status, body } = await server.get(`/f${at}`);
  const spentMs = performance.now() - startMs;
  if (status !== 200 || !body?.includes(ORDER.expect)) throw new Error(`/f${at} answered ${status}: ${body}`);
  return spentMs;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function p95(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  return quantile(sorted, 0.95).toFixed(2);
}
