/** A life of content-child.ts: begun, watched, and ended with SIGKILL. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { ChildPlan } from "./content-child.ts";

const CHILD = join(import.meta.dirname, "content-child.ts");

export function startChild(plan: ChildPlan): ChildProcess {
  return spawn(process.execPath, [CHILD, JSON.stringify(plan)], { stdio: ["ignore", "pipe", "pipe"] });
}

/** The hashes whose commit it acknowledged. Killed so long after it printed the line; 0 after "open" is while it still clears up. */
export async function liveAndDie(plan: ChildPlan, line: "open" | "committed", lifeMs: number): Promise<string[]> {
  const child = startChild(plan);
  let printed = "";
  let errors = "";
  child.stderr!.on("data", (chunk) => {
    errors += chunk;
  });
  child.stdout!.on("data", (chunk) => {
    const wasDue = printed.includes(line);
    printed += chunk;
    if (!wasDue && printed.includes(line)) setTimeout(() => child.kill("SIGKILL"), lifeMs);
  });
  const signal = await new Promise((resolve) => child.once("close", (_code, by) => resolve(by)));
  assert.equal(signal, "SIGKILL", `${printed.slice(-500)}\n${errors}`);
  // What stands behind the last newline was cut off by the kill.
  const lines = printed.split("\n").slice(0, -1);
  return lines.filter((text) => text.startsWith("committed ")).map((text) => text.slice(10));
}

/** Numbers below a bound, the same ones for one seed. */
export function drawer(seed: number): (below: number) => number {
  let counter = 0;
  return (below) => createHash("sha256").update(`${seed}/${counter++}`).digest().readUInt32BE() % below;
}
