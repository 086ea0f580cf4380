/**
 * The choice: how requests of one module start, from what a rehearsal found out
 * and what each way costs. Pure. A checkpoint must be safe first (what the module
 * did before its question may be done once for all requests) and clearly cheaper
 * second. Every choice has its reason, in words for the function's author.
 */
import { NOTED, type StartMode } from "../../../../guest/wasi/channel.ts";

/** What a request costs until it asks its question, each from fresh state; null when it was not measured. */
export interface StartCosts {
  readonly instanceUs: number | null;
  readonly resetUs: number | null;
  readonly checkpointUs: number | null;
}

export interface Findings {
  /** Why it never asked for its request; null when it did. */
  readonly unasked: string | null;
  /** NOTED bits of the part before the question. */
  readonly noted: number;
  readonly changedDescriptors: boolean;
  /** Why it could not be left and entered again, though it might; null when it was not tried or went well. */
  readonly fault: string | null;
  readonly costs: StartCosts;
}

export interface Choice {
  readonly mode: StartMode;
  readonly reason: string;
}

/** The functions on the stack run slower once they can unwind, also after the question: a small gain is none. */
const CLEARLY_CHEAPER = 0.75;

export function choosePreparation(findings: Findings, saysCheckpoint: boolean): Choice {
  const { costs, fault } = findings;
  const { mode, cheapestUs } = withoutCheckpoint(costs);
  const obstacle = checkpointObstacle(findings, saysCheckpoint) ?? fault;
  if (obstacle !== null) return { mode, reason: `no checkpoint: ${obstacle}` };
  const { checkpointUs } = costs;
  if (checkpointUs === null || cheapestUs === null) return { mode, reason: "no checkpoint: its cost is not known" };
  const compared = `${us(checkpointUs)} by checkpoint, ${us(cheapestUs)} by ${mode}`;
  if (checkpointUs <= CLEARLY_CHEAPER * cheapestUs) return { mode: "checkpoint", reason: `it is at its question sooner: ${compared}` };
  return { mode, reason: `a checkpoint would not be clearly cheaper: ${compared}` };
}

/** Why one checkpoint can't serve all requests; null when it can. Asked before anything is spent on making one. */
export function checkpointObstacle(
  { unasked, noted, changedDescriptors }: Omit<Findings, "fault" | "costs">,
  saysCheckpoint: boolean,
): string | null {
  if (unasked !== null) return unasked;
  if ((noted & NOTED.openedFile) !== 0) return "it opens files before it asks for its request";
  if ((noted & NOTED.usedHost) !== 0) return "it uses the host before it asks for its request";
  if ((noted & NOTED.touchedRequest) !== 0) return "it logs, or looks how much input it has, before it asks for its request";
  if ((noted & NOTED.slept) !== 0) return "it sleeps before it asks for its request";
  if (changedDescriptors) return "it changes its descriptors before it asks for its request";
  if (saysCheckpoint) return null;
  const read = [(noted & NOTED.readRandom) !== 0 ? "random bytes" : "", (noted & NOTED.readClock) !== 0 ? "the clock" : ""].filter(Boolean);
  if (read.length === 0) return null;
  return `it reads ${read.join(" and ")} before it asks for its request, and would find the same in every one; if that does no harm, say checkpoint: true`;
}

function withoutCheckpoint({ instanceUs, resetUs }: StartCosts): { mode: StartMode; cheapestUs: number | null } {
  if (instanceUs !== null && resetUs !== null && instanceUs < resetUs) return { mode: "instance", cheapestUs: instanceUs };
  return { mode: "reset", cheapestUs: resetUs };
}

function us(value: number): string {
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} us`;
}
