/**
 * Start modes: what a request costs that begins in a new instance, in one that
 * was put back, or at a checkpoint, for the same function in four languages.
 * CPU time in processes of their own, interleaved; no HTTP.
 */
import type { StartMode } from "../../guest/wasi/channel.ts";
import type { Bar, Effort, Figure, FigureResult } from "../support/figure.ts";
import { interleave, roundsText } from "../support/interleave.ts";
import type { Lab } from "../support/lab.ts";
import { quantileBar, ratioBar, spread } from "../support/spread.ts";
import { orderGuests, sizeOf } from "../support/wasm-guests.ts";
import { measureStart, START_MODES, type StartSubject, startSubjects } from "../support/wasm-start.ts";
import type { StartCosts } from "../support/wasm-start-child.ts";

type Costs = ReadonlyMap<StartMode, readonly StartCosts[]>;

/** Of each process: in the isolate, and through the engine. */
const MEASUREMENTS = 2;
const LANGUAGES = ["c", "rust", "go", "assemblyscript"] as const;

export const wasmStart: Figure = {
  name: "wasm-start",
  title: "WebAssembly: the order function by start mode and language, CPU us a request",
  document: "docs/wasm-start-modes.md",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const guests = await orderGuests(effort.scale < 1 ? ["c", "assemblyscript"] : LANGUAGES);
    const subjects: StartSubject[] = [];
    for (const guest of guests) subjects.push(...(await startSubjects(guest)));
    const samples = await interleave(subjects, effort.rounds, (subject) =>
      measureStart(subject, effort.seconds / MEASUREMENTS, lab.pinning),
    );
    const costsOf = (language: string): Costs =>
      new Map(subjects.filter(({ guest }) => guest.language === language).map((subject) => [subject.mode, samples.get(subject)!]));
    return {
      columns: ["guest", "measured", ...START_MODES],
      rows: guests.flatMap((guest) => {
        const costs = costsOf(guest.language);
        const name = `${guest.label}, ${sizeOf(guest)}`;
        return [row(name, "in the isolate", costs, isolateUs), row(name, "whole engine", costs, engineUs)];
      }),
      provenance: roundsText(effort),
      bars: barsOf(costsOf("c"), costsOf("go")),
      notes: [
        "in the isolate: input text in, guest, output text out; whole engine: with the contract's JSON both ways, lanes, watchdog and deadlines",
        "every mode is forced, also where the server would choose another; a mode that a module can't take is left out",
      ],
    };
  },
};

const isolateUs = (costs: StartCosts): number => costs.isolateUs;
const engineUs = (costs: StartCosts): number => costs.engineUs;

function row(name: string, what: string, costs: Costs, of: (costs: StartCosts) => number): string[] {
  return [name, what, ...START_MODES.map((mode) => (costs.has(mode) ? spread(costs.get(mode)!.map(of)) : "not possible"))];
}

/** Of languages whose tools are here. */
function barsOf(c: Costs, go: Costs): Bar[] {
  const values = (costs: Costs, mode: StartMode): number[] => (costs.get(mode) ?? []).map(isolateUs);
  const bars: Bar[] = [];
  const reset = values(c, "reset");
  if (reset.length > 0) bars.push(quantileBar("C by reset, in the isolate", reset, 0.5, 8, "us"));
  const [checkpoint, instance] = [values(go, "checkpoint"), values(go, "instance")];
  if (checkpoint.length === 0) return bars;
  return [
    ...bars,
    quantileBar("Go by checkpoint, in the isolate", checkpoint, 0.5, 150, "us"),
    inPercent(ratioBar("Go by checkpoint against a new instance (a fifteenth is the bar)", checkpoint, instance, 1 / 15)),
  ];
}

/** A fifteenth shows too little as 0.07. */
function inPercent({ what, value, most, interval = null }: Bar): Bar {
  const percent = (share: number): number => 100 * share;
  const scaledInterval = interval === null ? null : { low: percent(interval.low), high: percent(interval.high) };
  return { what, value: percent(value), most: percent(most), unit: "%", interval: scaledInterval };
}
