/**
 * Process functions over HTTP: the health function in Python and Node, called
 * through the ring, by frames and as an unchanged HTTP program, beside the same
 * in a sandbox and under Flask. CPU is that of the server and its processes, on
 * one core; interleaved over fresh processes, every answer checked.
 */
import { MIB } from "../../src/base/units.ts";
import type { Bar, Effort, Figure, FigureResult } from "../support/figure.ts";
import { measureAll, roundsText } from "../support/interleave.ts";
import type { Lab, Subject } from "../support/lab.ts";
import { flask, processFunction } from "../support/process-subjects.ts";
import { ratioBar, spread } from "../support/spread.ts";
import { built, healthFolder, nodeHttp, pilotlight } from "../support/subjects.ts";

const CONNECTIONS_TEXT = "50 connections";
const CALLS_AHEAD = 15;

export const process_: Figure = {
  name: "process",
  title: `Process functions: GET /api/health, JSON, ${CONNECTIONS_TEXT}, one core`,
  document: "docs/figures-process.md",
  async run(effort: Effort, lab: Lab): Promise<FigureResult> {
    const sandboxed = pilotlight({ folder: built(healthFolder("async")), name: "pilotlight, JavaScript function in a sandbox" });
    // As the clients' guide has it for handlers that take microseconds.
    const ring = processFunction("Python", "ring", CALLS_AHEAD);
    const ours: Subject[] = [ring];
    const peer = effort.scale < 1 ? { unavailable: "no peer in a run this small" } : flask();
    if (effort.scale >= 1) {
      ours.push(processFunction("Python", "ring"), processFunction("Python", "frames"), processFunction("Python", "http"));
      ours.push(processFunction("Node", "ring"), processFunction("Node", "http"));
    }
    const subjects = [nodeHttp(), sandboxed, ...ours, ...("unavailable" in peer ? [] : [peer])];
    const samples = await measureAll(subjects, effort, lab);
    const us = (subject: Subject): number[] => samples.get(subject)!.map(({ cpuUsPerRequest }) => cpuUsPerRequest);
    const bars: Bar[] = [ratioBar("Python by the ring against a sandboxed JavaScript function", us(ring), us(sandboxed), 4)];
    if (!("unavailable" in peer)) bars.push(ratioBar("Python by the ring against Flask (a fifth is the bar)", us(ring), us(peer), 1 / 5));
    return {
      columns: ["server", "CPU us/request", "requests/s", "own memory MiB (PSS)"],
      rows: subjects.map((subject) => {
        const measured = samples.get(subject)!;
        const each = (of: (sample: (typeof measured)[number]) => number): string => spread(measured.map(of), 0);
        return [
          subject.name,
          spread(us(subject)),
          each(({ requestsPerSecond }) => requestsPerSecond),
          each(({ ownPssBytes }) => ownPssBytes / MIB),
        ];
      }),
      provenance: roundsText(effort),
      bars,
      notes: "unavailable" in peer ? [peer.unavailable] : [],
    };
  },
};
