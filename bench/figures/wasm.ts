/**
 * WebAssembly functions over HTTP: the order function in C, Rust and Go, every
 * request with fresh state, beside the same done by a bare node:http server and
 * by the page's Go server, both without a sandbox. A valid body every time, every
 * answer checked. Interleaved over fresh processes; server on one core, load on
 * the other.
 */
import { MIB } from "../../src/base/units.ts";
import type { ProcessSample } from "../../src/lab/ab/plan.ts";
import type { Bar, Effort, Figure, FigureResult } from "../support/figure.ts";
import { measureAll, roundsText } from "../support/interleave.ts";
import type { Lab, Subject } from "../support/lab.ts";
import { goOrders, nodeOrders, ORDER } from "../support/order-servers.ts";
import { ratioBar, spread } from "../support/spread.ts";
import { prepared } from "../support/subjects.ts";
import { type OrderGuest, type OrderLanguage, orderFolder, orderGuests, sizeOf } from "../support/wasm-guests.ts";

const LANGUAGES = ["c", "rust", "go"] as const;
/** No part of this run, and said to be: figures of another machine with two cores, Go 1.26 and wasmtime 48. */
const CITED = [
  "not measured here: Go in Docker with a published port; elsewhere 70.3 us, where Go native took 12.9",
  "not measured here: wasmtime serve, a fresh instance for every request; elsewhere 88.8 us, where Go native took 12.9",
];

export const wasm: Figure = {
  name: "wasm",
  title: "WebAssembly: POST of an order, fresh state for every request, 50 connections, one core",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const guests = await orderGuests(effort.scale < 1 ? ["c"] : LANGUAGES);
    const ours = new Map<OrderLanguage, Subject>(guests.map((guest) => [guest.language, served(guest)]));
    const bare = nodeOrders();
    const go = goOrders();
    const native = "unavailable" in go ? [] : [go];
    const samples = await measureAll([bare, ...native, ...ours.values()], effort, lab);
    const us = (subject: Subject): number[] => samples.get(subject)!.map(({ cpuUsPerRequest }) => cpuUsPerRequest);
    const c = ours.get("c");
    const bars: Bar[] = [];
    if (c !== undefined) {
      bars.push(ratioBar("C guest against bare node:http", us(c), us(bare), 1.6));
      for (const server of native) bars.push(ratioBar("C guest against the native Go server", us(c), us(server), 1.65));
    }
    return {
      columns: ["server", "CPU us/request", "requests/s", "p99 ms", "own memory MiB (PSS)", "pages of files MiB (PSS)"],
      rows: Array.from(samples, ([{ name }, measured]) => rowOf(name, measured)),
      provenance: roundsText(effort),
      bars,
      notes: [...("unavailable" in go ? [go.unavailable] : []), ...CITED],
    };
  },
};

function served(guest: OrderGuest): Subject {
  const folder = orderFolder(guest);
  const { subject, startMode } = prepared({ folder, name: `pilotlight, ${guest.label} guest`, ...ORDER });
  return { ...subject, name: `${subject.name} (${sizeOf(guest)}), by ${startMode}` };
}

function rowOf(name: string, measured: readonly ProcessSample[]): string[] {
  const each = (of: (sample: ProcessSample) => number, digits: number): string => spread(measured.map(of), digits);
  // Too few requests for a p99 in a run this small.
  const hasP99 = measured.every(({ p99Us }) => Number.isFinite(p99Us));
  return [
    name,
    each(({ cpuUsPerRequest }) => cpuUsPerRequest, 1),
    each(({ requestsPerSecond }) => requestsPerSecond, 0),
    hasP99 ? each(({ p99Us }) => p99Us / 1_000, 1) : "-",
    each(({ ownPssBytes }) => ownPssBytes / MIB, 0),
    each(({ filePssBytes }) => filePssBytes / MIB, 0),
  ];
}
