/**
 * Contest: one request, asked of the mirror and of those it is compared with.
 * Everybody's answer is found right before it is measured, and compared while it
 * is; who can't take part is noted.
 */
import { MIB } from "../../../src/base/units.ts";
import type { ProcessSample } from "../../../src/lab/ab/plan.ts";
import { median } from "../../../src/stats/quantile.ts";
import type { Bar, Effort, FigureResult } from "../figure.ts";
import { interleave, roundsText } from "../interleave.ts";
import type { Lab, Subject } from "../lab.ts";
import { nginx } from "../nginx.ts";
import { shareBar, spread } from "../spread.ts";
import { workFile, workFolder } from "../subjects.ts";
import { type Inspect, type RightAnswer, rightAnswer } from "./answers.ts";
import { asks, type IndexServer } from "./index-server.ts";
import { peers } from "./peers.ts";

/** Where all figures of the mirror are recorded. */
export const DOCUMENT = "docs/figures-mirror.md";

export interface Contender {
  readonly asked: string;
  readonly subject: Subject;
}

export interface Contest {
  readonly contenders: readonly Contender[];
  readonly samples: ReadonlyMap<Contender, readonly ProcessSample[]>;
}

export async function hold(contenders: readonly Contender[], effort: Effort, users: number, lab: Lab): Promise<Contest> {
  return { contenders, samples: await interleave(contenders, effort.rounds, ({ subject }) => lab.measure(subject, effort, users)) };
}

export function cpuUs({ samples }: Contest, contender: Contender): number[] {
  return samples.get(contender)!.map(({ cpuUsPerRequest }) => cpuUsPerRequest);
}

export function tableOf({ samples }: Contest): Pick<FigureResult, "columns" | "rows"> {
  const rows = Array.from(samples, ([{ subject, asked }, measured]) => {
    const each = (of: (sample: ProcessSample) => number, digits: number): string => spread(measured.map(of), digits);
    return [
      subject.name,
      asked,
      each(({ cpuUsPerRequest }) => cpuUsPerRequest, 1),
      each(({ requestsPerSecond }) => requestsPerSecond, 0),
      String(Math.round(median(measured.map(({ receivedBytes, requestCount }) => receivedBytes / requestCount)))),
      each(({ ownPssBytes }) => ownPssBytes / MIB, 0),
    ];
  });
  return { columns: ["server", "asked as", "CPU us/request", "requests/s", "bytes on the wire", "own memory MiB (PSS)"], rows };
}

export function provenance(effort: Effort): string {
  return `${roundsText(effort)} Every status is checked, and every byte of what nginx and the mirror answer; pages and lists of the others are inspected before.`;
}

/** nginx with what the mirror answers, prepared; null, and why in `notes`, when it is not here. */
export function limitOf(asked: string, { path, headers = [] }: Subject, answer: RightAnswer, notes: string[]): Contender | null {
  const name = `limit-${path.replaceAll(/\W+/g, "-")}`;
  const takesGzip = headers.some((line) => /^accept-encoding:.*gzip/i.test(line));
  workFile(`${name}/answer${takesGzip ? ".gz" : ""}`, answer.bytes);
  const limit = nginx({ name: "nginx, the same bytes", root: workFolder(name) });
  if (!("unavailable" in limit)) return { asked, subject: { ...limit, path: "/answer", headers, answer: answer.bytes } };
  notes.push(limit.unavailable);
  return null;
}

export interface PeerRequest {
  readonly asked: string;
  readonly headers: readonly string[];
  readonly inspect: Inspect;
  /** Of the answer, where all servers have to give the same; pages and lists each writes in its own way, from process to process. */
  readonly bytes?: Buffer;
  pathOf(server: IndexServer): string;
}

/** Those of the caches that are here and answer rightly; of others `notes` says why not. */
export async function peerContenders(
  request: PeerRequest,
  indexUrl: string,
  effort: Effort,
  lab: Lab,
  notes: string[],
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const peer of peers(effort, indexUrl, request.asked)) {
    if ("unavailable" in peer) {
      notes.push(peer.unavailable);
      continue;
    }
    const subject = asks(peer, request.pathOf(peer), request.headers);
    try {
      await rightAnswer(subject, request.inspect, lab);
      contenders.push({ asked: request.asked, subject: { ...subject, ...(request.bytes !== undefined && { answer: request.bytes }) } });
    } catch (error) {
      notes.push(`${peer.name} is left out: ${(error as Error).message}`);
    }
  }
  return contenders;
}

/** At most a share of what each of the caches takes. */
export function peerBars(what: string, contest: Contest, ours: Contender, others: readonly Contender[]): Bar[] {
  return others.map((other) => {
    const most = other.subject.name.startsWith("groxpi") ? 1 / 30 : 1 / 200;
    return shareBar(`${what}, of what ${other.subject.name} takes`, cpuUs(contest, ours), cpuUs(contest, other), most);
  });
}
