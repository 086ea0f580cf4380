/**
 * Launcher for: the launcher that a function's settings ask for. What it can't do on
 * this machine is its own business, and told with each instance.
 */
import { probeCriu } from "../launch/criu-probe.ts";
import { ForkLauncher } from "../launch/fork-launcher.ts";
import type { Launcher } from "../launch/launched.ts";
import type { CriuFacts, MachineFacts } from "../launch/machine-facts.ts";
import type { ProcessLog } from "../launch/output-reader.ts";
import { type LaunchSubject, PlainLauncher } from "../launch/plain-launcher.ts";
import { CriuLauncher } from "./criu-launcher.ts";
import { NodeLauncher } from "./node-launcher.ts";

let criu: Promise<CriuFacts> | null = null;

export async function launcherFor(subject: LaunchSubject, facts: MachineFacts, log: ProcessLog): Promise<Launcher> {
  const { snapshot } = subject.settings;
  if (snapshot === "fork") return new ForkLauncher(subject, facts, log);
  if (snapshot === "node") return new NodeLauncher(subject, facts, log);
  if (snapshot === "none") return new PlainLauncher(subject, facts, log);
  // Looked for once in this process, and only where somebody asks: it takes a tenth of a second.
  criu ??= probeCriu(process.env["PATH"] ?? "");
  return new CriuLauncher(subject, { ...facts, criu: await criu }, log);
}
