/** Snapshot told: what becomes of a function's `snapshot` on this machine, in a line for `pilotlight validate`; as far as that can be known without a start. Pure. */
import type { ProcessSettings } from "../../../config/process-settings.ts";
import type { MachineFacts } from "../launch/machine-facts.ts";
import { criuLack } from "./criu-needs.ts";

/** `facts` with those of CRIU where the settings want it. */
export function snapshotTold(settings: ProcessSettings, facts: MachineFacts): string[] {
  if (settings.snapshot !== "criu") return [];
  const lack = criuLack(settings, facts);
  return [`snapshot: criu: ${lack === null ? `instances are restored by CRIU ${facts.criu.version}` : `instances are started: ${lack}`}`];
}
