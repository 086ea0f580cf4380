/** What the process that is scraped, the supervisor, knows of itself: its build, its start and its processor time. */
import { SECOND_MS } from "../base/units.ts";
import { version } from "../base/version.ts";

export interface OwnProcess {
  readonly version: string;
  readonly nodeVersion: string;
  /** Since the epoch. */
  readonly startedAtSeconds: number;
  readonly cpuSeconds: number;
}

const US_PER_SECOND = 1_000_000;

export function ownProcess(): OwnProcess {
  const { user, system } = process.cpuUsage();
  return {
    version: version(),
    nodeVersion: process.versions.node,
    startedAtSeconds: performance.timeOrigin / SECOND_MS,
    cpuSeconds: (user + system) / US_PER_SECOND,
  };
}
